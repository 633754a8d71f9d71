@capacity
Feature: A busy market is stored without a pause

  What is not stored during the rush is never stored.

  Rule: Ten thousand prices a minute are stored in every stretch of time, and none is lost

    @pr @SLO-INGEST-01
    Scenario: A busy stretch
      Given a market of 200 instruments
      When the market trades 12,000 prices a minute for 20 seconds, counted in windows of 10 seconds
      Then these objectives hold:
        | measure                  | target                   |
        | prices stored            | at least 10,000 a minute |
        | store latency, p99       | at most 250 ms           |
        | prices dropped           | exactly 0                |
        | prices refused           | exactly 0                |
        | acknowledged prices lost | exactly 0                |
        | prices stored twice      | exactly 0                |
        | prices from nowhere      | exactly 0                |
        | prices stored wrong      | exactly 0                |

    @nightly @SLO-INGEST-02
    Scenario: A busy five minutes
      Given a market of 200 instruments
      When the market trades 12,000 prices a minute for 300 seconds, counted in windows of 10 seconds
      Then these objectives hold:
        | measure                  | target                   |
        | prices stored            | at least 10,000 a minute |
        | store latency, p99       | at most 250 ms           |
        | prices dropped           | exactly 0                |
        | prices refused           | exactly 0                |
        | acknowledged prices lost | exactly 0                |
        | prices stored twice      | exactly 0                |
        | prices from nowhere      | exactly 0                |
        | prices stored wrong      | exactly 0                |

    @nightly @SLO-INGEST-05
    Scenario: Many independent feeds
      Given a market of 200 instruments
      When many independent feeds send 12,000 prices a minute for 60 seconds, counted in windows of 10 seconds
      Then these objectives hold:
        | measure                  | target                   |
        | prices stored            | at least 10,000 a minute |
        | store latency, p99       | at most 250 ms           |
        | prices dropped           | exactly 0                |
        | prices refused           | exactly 0                |
        | acknowledged prices lost | exactly 0                |
        | prices stored twice      | exactly 0                |
        | prices from nowhere      | exactly 0                |
        | prices stored wrong      | exactly 0                |

    @nightly @SLO-INGEST-06
    Scenario: Traders ask while the market trades
      Given a market of 200 instruments
      When the market trades 12,000 prices a minute for 60 seconds, while traders ask 100 questions a second about 10,000 earlier trades
      Then these objectives hold:
        | measure                         | target                   |
        | prices stored                   | at least 10,000 a minute |
        | store latency, p99              | at most 250 ms           |
        | query answer, p99               | at most 250 ms           |
        | answers that are wrong          | exactly 0                |
        | answers that break their schema | exactly 0                |
        | acknowledged prices lost        | exactly 0                |
        | prices stored twice             | exactly 0                |
        | prices from nowhere             | exactly 0                |
        | prices stored wrong             | exactly 0                |
        | prices dropped                  | exactly 0                |
        | questions dropped               | exactly 0                |
        | prices offered late             | should be at most 1 %    |
        | questions asked late            | should be at most 1 %    |

  Rule: There is room above what is promised, and beyond it nothing is lost either

    @pr @SLO-INGEST-03
    Scenario: The load rises beyond every plan
      Given a market of 200 instruments
      When the load rises from 12,000 to 120,000 prices a minute over 5 seconds
      Then these objectives hold:
        | measure                  | target                             |
        | ingest capacity          | at least 20,000 a minute           |
        | ingest capacity          | should be at least 60,000 a minute |
        | acknowledged prices lost | exactly 0                          |
        | prices stored twice      | exactly 0                          |
        | prices from nowhere      | exactly 0                          |
        | prices stored wrong      | exactly 0                          |

  Rule: History is taken in whole, or the gaps are named

    @pr @SLO-INGEST-04
    Scenario: A year of real daily bars
      Given a released system without bars
      When the operator takes in the real bars of 2016
      Then these objectives hold:
        | measure                | target         |
        | bars stored            | at least 9,900 |
        | bars lost              | exactly 0      |
        | bars changed           | exactly 0      |
        | rows left out silently | exactly 0      |
