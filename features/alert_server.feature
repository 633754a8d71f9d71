@alerts
Feature: Operators learn what troubles the database server

  What others do to the server reaches the market soon after.

  Rule: An alert comes as soon as its rule allows, and goes when the server is well again

    # What could not be read is tried again once a second.
    @nightly @SLO-ALERT-04
    Scenario: Part of the health cannot be read
      Given a market of 20 instruments whose operators are alerted as follows:
        | alert         | watches       | warning            | critical           | fires after | ends after |
        | health_status | health.status | at least 1 until 0 | at least 2 until 1 | 2 s         | 2 s        |
      When the server's own lists of tables are locked until operators are alerted of it
      Then these objectives hold:
        | measure                                | target      |
        | alert delay                            | at most 1 s |
        | all-clear delay                        | at most 2 s |
        | alerts never told                      | exactly 0   |
        | alerts told too early                  | exactly 0   |
        | alerts told again                      | exactly 0   |
        | alert messages that break their schema | exactly 0   |
        | alert messages missed                  | exactly 0   |
        | other alerts told                      | exactly 0   |

    @nightly @SLO-ALERT-12
    Scenario: Somebody reads what memory does not hold
      Given a market of 20 instruments whose operators are alerted as follows:
        | alert     | watches         | warning               | critical              | fires after | ends after |
        | cache_hit | cache.hit_ratio | at most 0.8 until 0.9 | at most 0.5 until 0.6 | 2 s         | 2 s        |
      When somebody reads an archive that memory does not hold, beside 120 questions, until operators are alerted of it
      Then these objectives hold:
        | measure                                | target      |
        | alert delay                            | at most 1 s |
        | all-clear delay                        | at most 1 s |
        | alerts never told                      | exactly 0   |
        | alerts told too early                  | exactly 0   |
        | alerts told again                      | exactly 0   |
        | alert messages that break their schema | exactly 0   |
        | alert messages missed                  | exactly 0   |
        | other alerts told                      | exactly 0   |

    @nightly @SLO-ALERT-13
    Scenario: Two sessions wait for each other
      Given a market of 20 instruments whose operators are alerted as follows:
        | alert     | watches                    | warning            | critical            | fires after | ends after |
        | deadlocks | work.deadlocks_last_minute | at least 1 until 0 | at least 10 until 5 | 0 s         | 2 s        |
      When two sessions wait for each other until operators are alerted of it
      Then these objectives hold:
        | measure                                | target      |
        | alert delay                            | at most 1 s |
        | all-clear delay                        | at most 1 s |
        | alerts never told                      | exactly 0   |
        | alerts told too early                  | exactly 0   |
        | alerts told again                      | exactly 0   |
        | alert messages that break their schema | exactly 0   |
        | alert messages missed                  | exactly 0   |
        | other alerts told                      | exactly 0   |

    @nightly @SLO-ALERT-14
    Scenario: A standby falls behind
      Given a market of 20 instruments on a server of its own, whose operators are alerted as follows:
        | alert           | watches            | warning                  | critical                   | fires after | ends after |
        | replication_lag | replication.lag_ms | at least 2000 until 1000 | at least 60000 until 30000 | 2 s         | 2 s        |
      When a standby stops applying what it receives until operators are alerted of it
      Then these objectives hold:
        | measure                                | target      |
        | alert delay                            | at most 1 s |
        | all-clear delay                        | at most 1 s |
        | alerts never told                      | exactly 0   |
        | alerts told too early                  | exactly 0   |
        | alerts told again                      | exactly 0   |
        | alert messages that break their schema | exactly 0   |
        | alert messages missed                  | exactly 0   |
        | other alerts told                      | exactly 0   |

    # The age, which grows over days, is looked at once a minute.
    @nightly @SLO-ALERT-15
    Scenario: Transaction numbers are being used up
      Given a market of 20 instruments on a server of its own, whose operators are alerted as follows:
        | alert          | watches                 | warning                     | critical           | fires after | ends after |
        | wraparound_age | wraparound.server_share | at least 0.001 until 0.0005 | at least 5 until 4 | 2 s         | 2 s        |
      When 300,000 transactions are made until operators are alerted of it
      Then these objectives hold:
        | measure                                | target       |
        | alert delay                            | at most 61 s |
        | all-clear delay                        | at most 61 s |
        | alerts never told                      | exactly 0    |
        | alerts told too early                  | exactly 0    |
        | alerts told again                      | exactly 0    |
        | alert messages that break their schema | exactly 0    |
        | alert messages missed                  | exactly 0    |
        | other alerts told                      | exactly 0    |

    @nightly @SLO-ALERT-16
    Scenario: Others take the connections
      Given a market of 20 instruments whose operators are alerted as follows:
        | alert              | watches                   | warning                | critical                | fires after | ends after |
        | server_connections | database.connection_share | at least 0.8 until 0.7 | at least 0.95 until 0.9 | 2 s         | 2 s        |
      When others take the connections of the server until operators are alerted of it
      Then these objectives hold:
        | measure                                | target      |
        | alert delay                            | at most 1 s |
        | all-clear delay                        | at most 1 s |
        | alerts never told                      | exactly 0   |
        | alerts told too early                  | exactly 0   |
        | alerts told again                      | exactly 0   |
        | alert messages that break their schema | exactly 0   |
        | alert messages missed                  | exactly 0   |
        | other alerts told                      | exactly 0   |
