@inserts
Feature: Prices are stored as fast as the market trades

  A price that waits to be written is a price that nobody can act on.

  Rule: Storing prices is at least 30 % faster than before the extension

    @pr @SLO-INSERT-01
    Scenario: Prices arrive in small batches
      Given 20,000 prices of 200 instruments, stored before and after the extension
      When both systems store prices in batches of 100
      Then these objectives hold:
        | measure           | target                              |
        | insert throughput | at least 30 % faster than baseline  |
        | insert throughput | should be 50 % faster than baseline |

    @nightly @SLO-INSERT-02
    Scenario: Prices arrive in large batches
      Given 20,000 prices of 200 instruments, stored before and after the extension
      When both systems store prices in batches of 1,000
      Then these objectives hold:
        | measure           | target                              |
        | insert throughput | at least 30 % faster than baseline  |
        | insert throughput | should be 50 % faster than baseline |
