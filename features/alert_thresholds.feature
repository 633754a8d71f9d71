@alerts
Feature: Operators are alerted of what needs them, and of nothing else

  An alert that comes late helps nobody; one that cries wolf is switched off.

  Rule: Everybody can read what operators are alerted of

    @pr @SLO-ALERT-01
    Scenario: The alerts that the service has by itself
      When the alerts that the service has by itself are compared with these:
        | alert                  | watches                           | warning                                | critical                               | fires after | ends after |
        | database_unreachable   | health.unreachable                | never                                  | at least 1 until 0                     | 2 s         | 5 s        |
        | health_status          | health.status                     | at least 1 until 0                     | at least 2 until 1                     | 30 s        | 30 s       |
        | pool_usage             | pool.utilisation                  | at least 0.8 until 0.7                 | at least 0.95 until 0.85               | 5 s         | 15 s       |
        | pool_wait              | pool.wait_share                   | at least 0.2 until 0.1                 | at least 0.6 until 0.4                 | 10 s        | 30 s       |
        | slow_queries           | queries.p95_ms                    | at least 250 until 150                 | at least 1000 until 600                | 10 s        | 60 s       |
        | slowest_queries        | queries.p99_ms                    | at least 1000 until 600                | at least 5000 until 3000               | 10 s        | 60 s       |
        | insert_rate            | inserts.writing_share_of_baseline | at most 0.5 until 0.7                  | at most 0.2 until 0.4                  | 20 s        | 30 s       |
        | partition_look_ahead   | partitions.look_ahead_hours       | at most 24 until 36                    | at most 6 until 12                     | 60 s        | 10 s       |
        | partition_default_rows | partitions.default_rows           | at least 1 until 0                     | at least 50000 until 25000             | 120 s       | 10 s       |
        | partition_capacity     | partitions.largest_bytes          | at least 21474836480 until 19327352832 | at least 53687091200 until 48318382080 | 60 s        | 60 s       |
        | cache_hit              | cache.hit_ratio                   | at most 0.8 until 0.9                  | at most 0.5 until 0.6                  | 60 s        | 120 s      |
        | deadlocks              | work.deadlocks_last_minute        | at least 1 until 0                     | at least 10 until 5                    | 0 s         | 10 s       |
        | replication_lag        | replication.lag_ms                | at least 10000 until 5000              | at least 60000 until 30000             | 10 s        | 30 s       |
        | wraparound_age         | wraparound.server_share           | at least 1.5 until 1.2                 | at least 5 until 4                     | 60 s        | 60 s       |
        | server_connections     | database.connection_share         | at least 0.8 until 0.7                 | at least 0.95 until 0.9                | 10 s        | 30 s       |
      Then these objectives hold:
        | measure                          | target    |
        | rules that differ from the table | exactly 0 |

  Rule: An alert comes as soon as its rule allows, and goes when the trouble is over

    @nightly @SLO-ALERT-02
    Scenario: The database is gone
      Given a market of 20 instruments
      When the database stops answering until operators are alerted of it
      Then these objectives hold:
        | measure                                | target      |
        | alert delay                            | at most 1 s |
        | all-clear delay                        | at most 1 s |
        | alerts never told                      | exactly 0   |
        | alerts told too early                  | exactly 0   |
        | alerts told again                      | exactly 0   |
        | alert messages that break their schema | exactly 0   |

    @nightly @SLO-ALERT-03
    Scenario: Every connection is in use
      Given a market of 20 instruments, served over 2 connections to its database
      When each of the 2 connections is kept busy until operators are alerted of it
      Then these objectives hold:
        | measure                                | target      |
        | alert delay                            | at most 1 s |
        | all-clear delay                        | at most 1 s |
        | alerts never told                      | exactly 0   |
        | alerts told too early                  | exactly 0   |
        | alerts told again                      | exactly 0   |
        | alert messages that break their schema | exactly 0   |
