@rollback
Feature: A release can be taken back without losing a price

  The way back must be as safe as the way forward.

  Rule: Every row survives the way back and the way forward again

    @pr @SLO-ROLLBACK-01
    Scenario: Second thoughts after a release
      Given 20,000 prices of 50 instruments in a released system
      When the release is taken back and put on again
      Then these objectives hold:
        | measure            | target       |
        | rows lost          | exactly 0    |
        | rows changed       | exactly 0    |
        | rows from nowhere  | exactly 0    |
        | rollback, duration | at most 60 s |

  Rule: Prices that are written meanwhile survive too

    @pr @SLO-ROLLBACK-02
    Scenario: Trading goes on while the release is away
      Given 10,000 prices of 50 instruments in a released system
      When the release is taken back, 5,000 prices are stored, and it is put on again
      Then these objectives hold:
        | measure            | target       |
        | rows lost          | exactly 0    |
        | rows changed       | exactly 0    |
        | rows from nowhere  | exactly 0    |
        | rollback, duration | at most 60 s |
        | upgrade, duration  | at most 60 s |

  Rule: Whoever watches sees both ways

    @nightly @SLO-ROLLBACK-03
    Scenario: An operator watches while the release is away
      Given a market of 20 instruments, served by 1 service whose operators are alerted as follows:
        | alert         | watches       | warning            | critical | fires after | ends after |
        | sessions_wait | locks.waiting | at least 1 until 0 | never    | 1 s         | 1 s        |
      When the release is taken back and put on again while an operator watches
      Then these objectives hold:
        | measure                          | target      |
        | messages missing in the sequence | exactly 0   |
        | messages out of sequence         | exactly 0   |
        | messages that break their schema | exactly 0   |
        | pause between figures            | at most 3 s |
        | alerts never told                | exactly 0   |
        | health answers missed            | exactly 0   |
        | answers that break their schema  | exactly 0   |
        | longest pause in the history     | at most 3 s |
