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

  Rule: Prices that come together are stored much faster than one at a time

    @nightly @SLO-INSERT-03
    Scenario: The ladder of methods
      Given 5,000 prices of 200 instruments, stored before and after the extension
      When prices are stored in batches of 1 by every method, and through the service
      And prices are stored in batches of 10 by every method, and through the service
      And prices are stored in batches of 100 by every method, and through the service
      And prices are stored in batches of 1,000 by every method, and through the service
      And the current system stores prices in batches of 10 and one at a time
      Then these objectives hold:
        | measure                                      | target                              |
        | gain of batches (10)                         | at least 2 × baseline               |
        | insert throughput (copy, 1,000)              | should be at least 1 × baseline     |
        | insert throughput (through the service, 100) | should be at least 20 % of baseline |
