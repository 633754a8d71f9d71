@stream
Feature: Live prices reach traders in time

  Traders act on what they see. A late price is a wrong price.

  Rule: Every trader sees every price before it is stale

    Background:
      Given a market of 200 instruments

    @pr @SLO-STREAM-01
    Scenario: Ordinary trading day
      Given 100 traders watching the market
      When the market trades 100 prices a second for 4 seconds
      Then these objectives hold:
        | measure                | target           |
        | delivery lag, p99      | at most 250 ms   |
        | prices delivered       | at least 99.99 % |
        | prices delivered wrong | exactly 0        |

    @pr @SLO-STREAM-02
    Scenario: Opening bell
      Given 50 traders watching the market
      When the market trades 400 prices a second for 3 seconds
      Then these objectives hold:
        | measure                | target           |
        | delivery lag, p99      | at most 500 ms   |
        | prices delivered       | at least 99.99 % |
        | prices delivered wrong | exactly 0        |

  Rule: One slow line never delays the others

    @pr @SLO-STREAM-03
    Scenario: A trader on a slow line
      Given a market of 200 instruments
      And 50 traders watching the market
      And 5 traders whose line has stalled
      When the market trades 100 prices a second for 4 seconds
      Then these objectives hold:
        | measure                | target           |
        | delivery lag, p99      | at most 250 ms   |
        | prices delivered       | at least 99.99 % |
        | prices delivered wrong | exactly 0        |
        | lines that stalled     | exactly 5        |

  Rule: Operators see the database live

    @pr @SLO-STREAM-04
    Scenario: Figures each second
      Given a market of 20 instruments
      When an operator follows the database for 4 seconds
      Then these objectives hold:
        | measure                          | target      |
        | messages that break their schema | exactly 0   |
        | messages missing in the sequence | exactly 0   |
        | messages out of sequence         | exactly 0   |
        | pause between figures            | at most 3 s |

    @nightly @SLO-STREAM-06
    Scenario: A line that breaks now and then
      Given a market of 20 instruments
      When an operator loses the line 3 times for 3 seconds and asks for what was missed
      Then these objectives hold:
        | measure                          | target    |
        | messages missing in the sequence | exactly 0 |
        | messages told twice              | exactly 0 |
        | messages out of sequence         | exactly 0 |
        | reconnections without an answer  | exactly 0 |
        | messages that break their schema | exactly 0 |

  Rule: A full floor sees what an ordinary day shows

    @nightly @SLO-STREAM-05
    Scenario: A full trading floor
      Given a market of 200 instruments
      And 500 traders watching the market
      When the market trades 50 prices a second for 60 seconds
      Then these objectives hold:
        | measure                | target           |
        | delivery lag, p99      | at most 250 ms   |
        | delivery lag, p99.9    | at most 500 ms   |
        | prices delivered       | at least 99.99 % |
        | prices delivered wrong | exactly 0        |

    @nightly @SLO-STREAM-07
    Scenario: A thousand watchers
      Given a market of 200 instruments
      And 1,000 traders watching the market
      When the market trades 20 prices a second for 30 seconds
      Then these objectives hold:
        | measure                | target           |
        | delivery lag, p99      | at most 250 ms   |
        | prices delivered       | at least 99.99 % |
        | prices delivered wrong | exactly 0        |
