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
      When a client talks nonsense 24 times
      Then these objectives hold:
        | measure                         | target    |
        | nonsense without a clear answer | exactly 0 |
        | clients disconnected            | exactly 0 |
