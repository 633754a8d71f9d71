@compatibility
Feature: Existing clients keep working

  Forty desks run clients that nobody can upgrade for them.

  Rule: A client written for version 1 understands every answer

    @pr @SLO-CONTRACT-01
    Scenario: A client of version 1 on an ordinary day
      Given a market of 20 instruments
      When a client of version 1 follows the market for 3 seconds at 20 prices a second
      Then these objectives hold:
        | measure                           | target    |
        | version 1 messages that changed   | exactly 0 |
        | version 1 answers that never came | exactly 0 |
        | version 1 clients disconnected    | exactly 0 |
        | prices after unsubscribing        | exactly 0 |

    @nightly @SLO-CONTRACT-04
    Scenario: A client of version 1 that stays
      Given a market of 20 instruments
      When a client of version 1 follows the market for 40 seconds at 20 prices a second
      Then these objectives hold:
        | measure                           | target     |
        | version 1 messages that changed   | exactly 0  |
        | version 1 answers that never came | exactly 0  |
        | version 1 clients disconnected    | exactly 0  |
        | prices after unsubscribing        | exactly 0  |
        | heartbeats received               | at least 1 |

    @nightly @SLO-CONTRACT-07
    Scenario: A client of version 1 of a service that follows another one
      Given a market of 20 instruments, served by 2 services whose operators are alerted as follows:
        | alert         | watches       | warning            | critical | fires after | ends after |
        | sessions_wait | locks.waiting | at least 1 until 0 | never    | 1 s         | 1 s        |
      And everybody is connected to a service that follows
      When a client of version 1 follows the market for 3 seconds at 20 prices a second
      And a monitor asks for the health 200 times
      Then these objectives hold:
        | measure                           | target    |
        | version 1 messages that changed   | exactly 0 |
        | version 1 answers that never came | exactly 0 |
        | version 1 clients disconnected    | exactly 0 |
        | prices after unsubscribing        | exactly 0 |
        | version 1 answers that changed    | exactly 0 |
        | health answers missed             | exactly 0 |

  Rule: A client receives what it asked for

    @pr @SLO-CONTRACT-02
    Scenario: A client that wants prices alone
      Given a market of 20 instruments
      When a client subscribes to prices alone for 3 seconds at 20 prices a second
      Then these objectives hold:
        | measure                      | target        |
        | messages from other channels | exactly 0     |
        | prices delivered             | exactly 100 % |
        | prices delivered wrong       | exactly 0     |

  Rule: A client that errs is told, not thrown out

    @pr @SLO-CONTRACT-03
    Scenario: A client that talks nonsense
      Given a market of 20 instruments
      When a client talks nonsense 26 times
      Then these objectives hold:
        | measure                         | target    |
        | nonsense without a clear answer | exactly 0 |
        | clients disconnected            | exactly 0 |

  Rule: A client that misbehaves is told why it has to go, and nobody else notices

    @nightly @SLO-CONTRACT-05
    Scenario: Clients that misbehave
      Given a market of 20 instruments
      When clients misbehave for 75 seconds, beside 10 who do not, at 300 prices a second, and are told:
        | behaviour                          | told             |
        | reads half of what it is sent      | closed with 4408 |
        | asks as fast as it can             | closed with 4429 |
        | sends a message of 5,000 bytes     | closed with 1009 |
        | sends a binary message             | closed with 1003 |
        | sends text that is not UTF-8       | closed with 1007 |
        | comes from a page of another site  | refused with 403 |
        | has no token for a private service | closed with 4401 |
        | shows a ticket a second time       | closed with 4401 |
        | asks a private service in passing  | refused with 401 |
        | sends what is no message           | closed with 1002 |
        | answers no ping                    | cut off          |
        | says good-bye                      | closed with 1000 |
      Then these objectives hold:
        | measure                               | target        |
        | misbehaviours not told                | exactly 0     |
        | close codes that no document explains | exactly 0     |
        | other clients disconnected            | exactly 0     |
        | prices delivered                      | exactly 100 % |
        | prices delivered wrong                | exactly 0     |

  Rule: Whatever the service says is as its own documents say

    @nightly @SLO-CONTRACT-06
    Scenario: A programmer who believes the documents
      Given a market of 20 instruments, served by 1 service whose operators are alerted as follows:
        | alert         | watches       | warning            | critical | fires after | ends after |
        | sessions_wait | locks.waiting | at least 1 until 0 | never    | 1 s         | 1 s        |
      When all that the service says in 35 seconds at 5 prices a second is compared with its own documents
      Then these objectives hold:
        | measure                                        | target    |
        | messages that break the service's own document | exactly 0 |
        | answers that break the service's own document  | exactly 0 |
        | kinds of messages never heard                  | exactly 0 |
