@alerts
Feature: Operators learn in time that prices are about to have no place

  A day without a partition, or one that is too large, hurts only when it is too late to help.

  Rule: An alert comes as soon as its rule allows, and goes when prices have their place again

    @nightly @SLO-ALERT-09
    Scenario: The days ahead are gone
      Given a market of 20 instruments whose operators are alerted as follows:
        | alert                | watches                     | warning             | critical | fires after | ends after |
        | partition_look_ahead | partitions.look_ahead_hours | at most 24 until 36 | never    | 2 s         | 2 s        |
      When the partitions of the days ahead are lost until operators are alerted of it
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

    @nightly @SLO-ALERT-10
    Scenario: Prices of a forgotten day
      Given a market of 20 instruments whose operators are alerted as follows:
        | alert                  | watches                 | warning            | critical                   | fires after | ends after |
        | partition_default_rows | partitions.default_rows | at least 1 until 0 | at least 50000 until 25000 | 2 s         | 2 s        |
      When 100 prices of a forgotten day come past the service until operators are alerted of it
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

    # Sizes are looked at every ten seconds.
    @nightly @SLO-ALERT-11
    Scenario: One day is larger than it should be
      Given a market of 20 instruments whose operators are alerted as follows:
        | alert              | watches                  | warning                        | critical                         | fires after | ends after |
        | partition_capacity | partitions.largest_bytes | at least 4194304 until 2097152 | at least 67108864 until 33554432 | 2 s         | 2 s        |
      When a day grows by 60,000 prices until operators are alerted of it
      Then these objectives hold:
        | measure                                | target       |
        | alert delay                            | at most 11 s |
        | all-clear delay                        | at most 11 s |
        | alerts never told                      | exactly 0    |
        | alerts told too early                  | exactly 0    |
        | alerts told again                      | exactly 0    |
        | alert messages that break their schema | exactly 0    |
        | alert messages missed                  | exactly 0    |
        | other alerts told                      | exactly 0    |
