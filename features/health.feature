@health
Feature: Operators know at once how the market is doing

  A monitor that lies, or does not answer, is worse than none.

  Rule: The answers that existing monitors read never change

    @pr @SLO-HEALTH-01
    Scenario: Ordinary day
      Given a market of 20 instruments
      When a monitor asks for the health 400 times
      Then these objectives hold:
        | measure                        | target         |
        | version 1 answers that changed | exactly 0      |
        | health answers missed          | exactly 0      |
        | health answer, p99             | at most 100 ms |

  Rule: The figures of the database are complete and fresh

    @pr @SLO-HEALTH-02
    Scenario: An operator looks at a busy market
      Given a market of 50 instruments
      When an operator reads the database health 10 times a second for 4 seconds while the market trades 50 prices a second
      Then these objectives hold:
        | measure                             | target        |
        | answers that break their schema     | exactly 0     |
        | answers without a figure            | exactly 0     |
        | health answers missed               | exactly 0     |
        | time until the figures are complete | at most 5 s   |
        | health answer, p50                  | at most 50 ms |
        | age of the figures                  | at most 3 s   |

  Rule: A database that is gone is told, never hidden

    @pr @SLO-HEALTH-03
    Scenario: The database is gone for a while
      Given a market of 20 instruments
      When the database stops answering for 3 seconds
      Then these objectives hold:
        | measure                         | target      |
        | time until the trouble is told  | at most 5 s |
        | time until the recovery is told | at most 5 s |
        | changes never told              | exactly 0   |
        | liveness answers missed         | exactly 0   |
        | health answers missed           | exactly 0   |
        | health answer                   | at most 2 s |

  Rule: Whoever watches waits for nobody

    @nightly @SLO-HEALTH-05
    Scenario: A partition is locked for half a minute
      Given a market of 20 instruments
      When an operator asks every question 2 times a second for 30 seconds while a partition of the prices is locked
      Then these objectives hold:
        | measure                         | target        |
        | health answer                   | at most 1.2 s |
        | health answers missed           | exactly 0     |
        | answers that break their schema | exactly 0     |
        | old figures told as fresh       | exactly 0     |
        | pause between figures           | at most 3 s   |

  Rule: Everybody can read what the figures of the service are to reach

    @pr @SLO-HEALTH-04
    Scenario: The targets that the service shows
      When the targets that the service shows are compared with these:
        | figure               | target                             |
        | insert_improvement   | at least 30 % faster than baseline |
        | float_speedup_vwap   | at least 2 × baseline              |
        | float_speedup_sum    | at least 2 × baseline              |
        | index_efficiency     | at least 2 × baseline              |
        | index_size           | at most 50 % of baseline           |
        | pool_effect          | at least 3 × baseline              |
        | partition_efficiency | at most 50 % of baseline           |
        | partition_cost       | at most 50 % of baseline           |
        | storage_efficiency   | at most 60 % of baseline           |
      Then these objectives hold:
        | measure                            | target    |
        | targets that differ from the table | exactly 0 |

    @nightly @SLO-HEALTH-06
    Scenario: The figures that the service measures by itself
      Given a market of 50 instruments that traded 200,000 prices over the last 8 days
      When an operator waits until the service has measured what the extension brought
      Then these objectives hold:
        | measure                             | target       |
        | figures without a value             | exactly 0    |
        | targets missed                      | exactly 0    |
        | time until the figures are measured | at most 30 s |
        | answers that break their schema     | exactly 0    |
