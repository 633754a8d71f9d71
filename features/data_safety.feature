@safety
Feature: History cannot be destroyed by mistake

  What was traded once is asked for years later, by people who can fine us.

  Rule: A deleted instrument is out of sight, not gone

    @pr @SLO-SAFETY-01
    Scenario: An instrument is delisted and listed again
      Given a market of 20 instruments with 1,000 prices
      When the operator deletes 3 instruments and brings them back
      Then these objectives hold:
        | measure                                 | target    |
        | deleted instruments still shown         | exactly 0 |
        | deleted instruments that cannot be seen | exactly 0 |
        | writes to deleted instruments taken     | exactly 0 |
        | history rows lost                       | exactly 0 |
        | instruments that did not come back      | exactly 0 |

  Rule: Nobody removes what has a history

    @pr @SLO-SAFETY-02
    Scenario: A careless hand in the database
      Given a market of 20 instruments with 1,000 prices
      When somebody tries to remove instruments with a history
      Then these objectives hold:
        | measure                               | target    |
        | removals of history that went through | exactly 0 |
        | history rows lost                     | exactly 0 |

  Rule: What cannot be true is not stored

    @pr @SLO-SAFETY-03
    Scenario: A feed that has gone wild
      Given a market of 20 instruments with 1,000 prices
      When somebody offers prices and bars that cannot be true
      Then these objectives hold:
        | measure                | target    |
        | impossible rows taken  | exactly 0 |
        | impossible rows let in | exactly 0 |

  Rule: A sender who is not sure may send again

    @pr @SLO-SAFETY-04
    Scenario: A feed that repeats itself
      Given a market of 20 instruments with 1,000 prices
      When the same 500 prices are sent again, and once more with other figures
      Then these objectives hold:
        | measure                    | target    |
        | rows changed by repetition | exactly 0 |
        | repetitions not told       | exactly 0 |
