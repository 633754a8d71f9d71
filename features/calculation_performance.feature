@calculations
Feature: Analysts get their figures in half the time

  Risk and settlement wait for these calculations every evening. A wrong figure is no use, however fast.

  Rule: The usual calculations are at least twice as fast as before the extension, and as right

    Background:
      Given 60,000 prices of 200 instruments, stored before and after the extension

    @pr @SLO-CALC-01
    Scenario: The turnover, the sum of price × volume
      When both systems calculate the sum of all trades
      Then these objectives hold:
        | measure                 | target                     |
        | float calculation (sum) | at least 2 × baseline      |
        | float calculation (sum) | should be 3 × baseline     |
        | relative error (sum)    | at most 1 part per billion |

    @pr @SLO-CALC-02
    Scenario: The average value of a trade
      When both systems calculate the avg of all trades
      Then these objectives hold:
        | measure                 | target                     |
        | float calculation (avg) | at least 2 × baseline      |
        | relative error (avg)    | at most 1 part per billion |

    @pr @SLO-CALC-03
    Scenario: The volume-weighted average price
      When both systems calculate the vwap of all trades
      Then these objectives hold:
        | measure                  | target                     |
        | float calculation (vwap) | at least 2 × baseline      |
        | relative error (vwap)    | at most 1 part per billion |

    @nightly @SLO-CALC-04
    Scenario: The spread of the values of trades
      When both systems calculate the stddev of all trades
      Then these objectives hold:
        | measure                    | target                     |
        | float calculation (stddev) | at least 2 × baseline      |
        | relative error (stddev)    | at most 1 part per billion |
