@partitions
Feature: There is always room for the next day

  A day without its partition is found out at the opening bell, when nobody has time.

  Rule: Every day finds its partition ready

    Background:
      Given a market of 20 instruments with 1,000 prices

    @pr @SLO-PARTITION-01
    Scenario: Opening of a new day
      When a new day opens with 500 prices
      Then these objectives hold:
        | measure                       | target    |
        | days without a partition      | exactly 0 |
        | rows in the default partition | exactly 0 |
        | prices refused                | exactly 0 |
        | acknowledged prices lost      | exactly 0 |

    @pr @SLO-PARTITION-02
    Scenario: The last evening of the month
      When the manager looks ahead at the end of the month
      Then these objectives hold:
        | measure                       | target    |
        | days without a partition      | exactly 0 |
        | rows in the default partition | exactly 0 |
        | rows lost or changed          | exactly 0 |

    @pr @SLO-PARTITION-03
    Scenario: The missing partition
      When a new day opens with 500 prices although its partition was taken away
      Then these objectives hold:
        | measure                       | target    |
        | prices refused                | exactly 0 |
        | acknowledged prices lost      | exactly 0 |
        | days without a partition      | exactly 0 |
        | rows in the default partition | exactly 0 |
        | rows lost or changed          | exactly 0 |

    @nightly @SLO-PARTITION-04
    Scenario: Three years in advance
      When the manager looks ahead beside 1,000 partitions
      Then these objectives hold:
        | measure                  | target      |
        | days without a partition | exactly 0   |
        | rows lost or changed     | exactly 0   |
        | ensure, duration         | at most 2 s |

  Rule: What went wrong is put in order without losing a row

    Background:
      Given a market of 20 instruments with 1,000 prices

    @pr @SLO-PARTITION-05
    Scenario: The forgotten default partition
      When 10,000 prices of a forgotten day were stored and the manager puts them in order
      Then these objectives hold:
        | measure                       | target    |
        | rows in the default partition | exactly 0 |
        | rows lost or changed          | exactly 0 |

    @pr @SLO-PARTITION-06
    Scenario: A detach that was broken off
      When detaching a partition is broken off and the manager puts it in order
      Then these objectives hold:
        | measure                  | target    |
        | detaches left pending    | exactly 0 |
        | days without a partition | exactly 0 |
        | rows lost or changed     | exactly 0 |

  Rule: Managers never stand in the way, not even in each other's

    Background:
      Given a market of 20 instruments with 1,000 prices

    @pr @SLO-PARTITION-07
    Scenario: Two managers by mistake
      When two managers work side by side while the market trades 100 prices a second for 2 seconds
      Then these objectives hold:
        | measure                       | target    |
        | errors of the managers        | exactly 0 |
        | rows in the default partition | exactly 0 |
        | prices refused                | exactly 0 |
        | acknowledged prices lost      | exactly 0 |
        | prices stored twice           | exactly 0 |
        | prices from nowhere           | exactly 0 |
        | prices stored wrong           | exactly 0 |

    @nightly @SLO-PARTITION-08
    Scenario: Two managers all morning
      When two managers work side by side while the market trades 200 prices a second for 60 seconds
      Then these objectives hold:
        | measure                       | target         |
        | errors of the managers        | exactly 0      |
        | rows in the default partition | exactly 0      |
        | prices refused                | exactly 0      |
        | acknowledged prices lost      | exactly 0      |
        | prices stored twice           | exactly 0      |
        | prices from nowhere           | exactly 0      |
        | prices stored wrong           | exactly 0      |
        | store latency, p99            | at most 250 ms |

    @pr @SLO-PARTITION-09
    Scenario: A look at a locked table
      When an operator asks 20 times how the partitions are while one of them is locked
      Then these objectives hold:
        | measure               | target                  |
        | status answers missed | exactly 0               |
        | partitions not told   | exactly 0               |
        | status, duration, p50 | at most 250 ms          |
        | status, duration, p50 | should be at most 50 ms |
