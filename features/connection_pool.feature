@pool
Feature: Connections to the database are few, warm and shared fairly

  Opening a connection costs more than most of the work that is done over it; too many get into each other's way.

  Rule: A pool that is kept open serves far more than connections that are opened each time

    @nightly @SLO-POOL-01
    Scenario: Sixteen clients without a pool
      Given 20,000 prices of 200 instruments, stored in two equal systems
      When 16 clients store and read prices without a pool, and over a pool of 16 connections kept open
      Then these objectives hold:
        | measure         | target                |
        | pool throughput | at least 3 × baseline |

    @nightly @SLO-POOL-02
    Scenario: Sixteen clients over the pool of a newcomer
      Given 20,000 prices of 200 instruments, stored in two equal systems
      When 16 clients store and read prices over an untuned pool, and over a pool of 16 connections kept open
      Then these objectives hold:
        | measure         | target                    |
        | pool throughput | at least 90 % of baseline |

  Rule: The service's own pool is near the best that this host can do, for few clients and for many

    @nightly @SLO-POOL-03
    Scenario: Pools from too small to too large
      Given a market of 200 instruments, served over 1 connection to its database
      When 4, 16 and 64 clients use the service over 1 to 64 connections, 3 times each
      Then these objectives hold:
        | measure                                | target                    |
        | operations that failed                 | exactly 0                 |
        | throughput with the service's own pool | at least 80 % of baseline |
        | recommended pool size                  | should be at most 16      |
        | decline at the largest pool            | should be at most 50 %    |

  Rule: When every connection is busy a request is refused clearly, and the service recovers by itself

    @pr @SLO-POOL-04
    Scenario: All connections are busy
      Given a market of 20 instruments, served over 2 connections to its database
      When 40 prices and 40 questions come while each of the 2 connections is kept busy
      Then these objectives hold:
        | measure                         | target      |
        | requests not refused clearly    | exactly 0   |
        | requests without an answer      | exactly 0   |
        | time until the last refusal     | at most 4 s |
        | liveness answers missed         | exactly 0   |
        | health answers missed           | exactly 0   |
        | time until the service recovers | at most 2 s |
        | refused prices stored           | exactly 0   |
        | acknowledged prices lost        | exactly 0   |
        | prices stored twice             | exactly 0   |
        | prices from nowhere             | exactly 0   |
        | prices stored wrong             | exactly 0   |

    @nightly @SLO-POOL-05
    Scenario: More come than may wait
      Given a market of 20 instruments, served over 16 connections to its database
      When 500 prices and 500 questions come while each of the 16 connections is kept busy
      Then these objectives hold:
        | measure                         | target      |
        | requests not refused clearly    | exactly 0   |
        | requests without an answer      | exactly 0   |
        | time until the last refusal     | at most 6 s |
        | liveness answers missed         | exactly 0   |
        | health answers missed           | exactly 0   |
        | time until the service recovers | at most 2 s |
        | refused prices stored           | exactly 0   |
        | acknowledged prices lost        | exactly 0   |
        | prices stored twice             | exactly 0   |
        | prices from nowhere             | exactly 0   |
        | prices stored wrong             | exactly 0   |
