@stream
Feature: A small floor

  Short scenarios for the tests of the harness itself.

  Rule: Prices arrive

    @pr @SLO-FLOOR-01
    Scenario: A few traders
      Given a market of 20 instruments
      And 20 traders watching the market
      When the market trades 50 prices a second for 2 seconds
      Then these objectives hold:
        | measure                  | target           |
        | delivery lag, p99        | at most 250 ms   |
        | prices delivered         | at least 99.99 % |
        | acknowledged prices lost | exactly 0        |

    @nightly @SLO-FLOOR-02
    Scenario: Kept for the night
      Given a market of 20 instruments
      When the market trades 50 prices a second for 2 seconds
      Then these objectives hold:
        | measure        | target    |
        | prices dropped | exactly 0 |
