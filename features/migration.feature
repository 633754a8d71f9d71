@migration
Feature: The system is renewed while the market trades

  A market does not wait for a maintenance window, and a release that cannot be
  taken back is a bet.

  Rule: Every step, forward and back, is taken while prices are stored

    @pr @SLO-MIGRATION-01
    Scenario: A release and its way back in the middle of the day
      Given 20,000 prices of 50 instruments in a system before the extension
      When the operator takes every step forward and back while the market trades 100 prices a second
      Then these objectives hold:
        | measure                          | target                   |
        | prices refused                   | exactly 0                |
        | prices dropped                   | exactly 0                |
        | acknowledged prices lost         | exactly 0                |
        | prices stored twice              | exactly 0                |
        | prices from nowhere              | exactly 0                |
        | prices stored wrong              | exactly 0                |
        | rows changed                     | exactly 0                |
        | schema differences               | exactly 0                |
        | migrations left unfinished       | exactly 0                |
        | longest write stall              | at most 1 s              |
        | longest write stall              | should be at most 250 ms |
        | rollback to the first good write | at most 5 s              |

  Rule: A large history is divided into partitions without a pause

    @nightly @SLO-MIGRATION-02
    Scenario: Two million prices are divided while the market trades
      Given 2,000,000 prices of 200 instruments in a system with one table
      When the operator divides the history into partitions while the market trades 400 prices a second
      Then these objectives hold:
        | measure                  | target                      |
        | prices refused           | exactly 0                   |
        | acknowledged prices lost | exactly 0                   |
        | prices from nowhere      | exactly 0                   |
        | prices stored wrong      | exactly 0                   |
        | rows changed             | exactly 0                   |
        | exclusive locks, in sum  | at most 100 ms              |
        | longest write stall      | at most 250 ms              |
        | content check speed      | at least 1,000,000 a second |

  Rule: A server that dies in the middle of a step costs no price

    @nightly @SLO-MIGRATION-03
    Scenario: A bad day
      Given 2,000 prices of 20 instruments in a system before the extension, on a server of its own
      When the server is killed 2 times on the way forward and back while the market trades 50 prices a second
      Then these objectives hold:
        | measure                    | target     |
        | kills                      | at least 2 |
        | acknowledged prices lost   | exactly 0  |
        | prices stored twice        | exactly 0  |
        | prices from nowhere        | exactly 0  |
        | prices stored wrong        | exactly 0  |
        | rows changed               | exactly 0  |
        | schema differences         | exactly 0  |
        | migrations left unfinished | exactly 0  |

    @nightly @SLO-MIGRATION-04
    Scenario: Twenty bad days
      Given 20,000 prices of 50 instruments in a system before the extension, on a server of its own
      When the server is killed 20 times on the way forward and back while the market trades 100 prices a second
      Then these objectives hold:
        | measure                    | target      |
        | kills                      | at least 20 |
        | kills inside a statement   | at least 5  |
        | steps without a kill       | exactly 0   |
        | acknowledged prices lost   | exactly 0   |
        | prices stored twice        | exactly 0   |
        | prices from nowhere        | exactly 0   |
        | prices stored wrong        | exactly 0   |
        | rows changed               | exactly 0   |
        | schema differences         | exactly 0   |
        | migrations left unfinished | exactly 0   |

    @nightly @SLO-MIGRATION-05
    Scenario: An operator who pulls the plug
      Given 20,000 prices of 50 instruments in a system before the extension
      When the migration is killed 20 times on the way forward and back while the market trades 100 prices a second
      Then these objectives hold:
        | measure                    | target      |
        | kills                      | at least 20 |
        | kills inside a statement   | at least 5  |
        | steps without a kill       | exactly 0   |
        | prices refused             | exactly 0   |
        | acknowledged prices lost   | exactly 0   |
        | prices stored twice        | exactly 0   |
        | prices from nowhere        | exactly 0   |
        | prices stored wrong        | exactly 0   |
        | rows changed               | exactly 0   |
        | schema differences         | exactly 0   |
        | migrations left unfinished | exactly 0   |
