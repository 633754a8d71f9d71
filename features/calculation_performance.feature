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

    @nightly @SLO-CALC-02
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

    @nightly @SLO-CALC-05
    Scenario: The turnover of the large trades
      When both systems calculate the filter of all trades
      Then these objectives hold:
        | measure                    | target                     |
        | float calculation (filter) | at least 2 × baseline      |
        | relative error (filter)    | at most 1 part per billion |

  Rule: What gains less is at least as fast as before, and what costs more is bounded

    Background:
      Given 60,000 prices of 200 instruments, stored before and after the extension

    # Sorting spends its time on fetching and comparing, and hardly on arithmetic.
    @nightly @SLO-CALC-07
    Scenario: The largest trades first
      When both systems sort all trades by their value
      Then these objectives hold:
        | measure                         | target                 |
        | float calculation (sort)        | at least 1 × baseline  |
        | float calculation (sort)        | should be 2 × baseline |
        | places in the order that differ | exactly 0              |

    # A window that moves is dearer in floats: taking one back out of a sum would
    # leave its rounding.
    @nightly @SLO-CALC-06
    Scenario: The average price of the last twenty trades
      When both systems calculate the moving average of all trades
      Then these objectives hold:
        | measure                            | target                     |
        | float calculation (moving average) | at least 30 % of baseline  |
        | float calculation (moving average) | should be 1 × baseline     |
        | relative error (moving average)    | at most 1 part per billion |

  Rule: A program that calculates in floats is at least five times as fast as one in decimals, and as right

    @nightly @SLO-CALC-08
    Scenario: The turnover of each instrument
      When a program calculates the sum of 60,000 trades of 200 instruments, in decimals and in floats
      Then these objectives hold:
        | measure                   | target                     |
        | program calculation (sum) | at least 5 × baseline      |
        | relative error (sum)      | at most 1 part per billion |

    @release @SLO-CALC-09
    Scenario: The volume-weighted average price of each instrument
      When a program calculates the vwap of 60,000 trades of 200 instruments, in decimals and in floats
      Then these objectives hold:
        | measure                    | target                     |
        | program calculation (vwap) | at least 5 × baseline      |
        | relative error (vwap)      | at most 1 part per billion |

    @release @SLO-CALC-10
    Scenario: The average price of the last twenty trades of each instrument
      When a program calculates the moving average of 60,000 trades of 200 instruments, in decimals and in floats
      Then these objectives hold:
        | measure                              | target                     |
        | program calculation (moving average) | at least 5 × baseline      |
        | relative error (moving average)      | at most 1 part per billion |
