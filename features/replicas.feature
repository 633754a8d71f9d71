@replicas
Feature: Several services on one database speak with one voice

  Who is connected to another machine must not hear another story.

  Rule: When the service that collects is gone, another one goes on where it stopped

    Background:
      Given a market of 20 instruments, served by 3 services whose operators are alerted as follows:
        | alert         | watches       | warning            | critical | fires after | ends after |
        | sessions_wait | locks.waiting | at least 1 until 0 | never    | 1 s         | 1 s        |

    @nightly @SLO-REPLICA-01
    Scenario: The machine of the service that collects dies
      When the service that collects is killed, with 100 operators watching each
      Then these objectives hold:
        | measure                               | target      |
        | take-over                             | at most 5 s |
        | messages missing in the sequence      | exactly 0   |
        | messages told twice                   | exactly 0   |
        | messages that differ between services | exactly 0   |
        | alerts never told                     | exactly 0   |

    @nightly @SLO-REPLICA-02
    Scenario: The service that collects hangs for a while
      When the service that collects is halted, with 20 operators watching each
      Then these objectives hold:
        | measure                               | target      |
        | take-over                             | at most 5 s |
        | messages missing in the sequence      | exactly 0   |
        | messages told twice                   | exactly 0   |
        | messages that differ between services | exactly 0   |
        | alerts never told                     | exactly 0   |

    @nightly @SLO-REPLICA-03
    Scenario: The machine of the service that collects is due for maintenance
      When the service that collects is stopped, with 20 operators watching each
      Then these objectives hold:
        | measure                               | target      |
        | take-over                             | at most 2 s |
        | farewells never told                  | exactly 0   |
        | messages missing in the sequence      | exactly 0   |
        | messages told twice                   | exactly 0   |
        | messages that differ between services | exactly 0   |
        | alerts never told                     | exactly 0   |
