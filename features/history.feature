@history
Feature: How it was can be asked afterwards

  A trend is seen too late by whoever knows only the present.

  Rule: The history tells what was, and nothing else

    @nightly @SLO-HISTORY-01
    Scenario: A morning of trade
      Given a market of 20 instruments
      When the market trades 50 prices a second for 25 seconds, and an operator looks back
      Then these objectives hold:
        | measure                                     | target       |
        | trade that the history does not account for | at most 5 %  |
        | history off the rate                        | at most 10 % |
        | longest pause in the history                | at most 3 s  |
        | time until the history shows it             | at most 3 s  |

    @nightly @SLO-HISTORY-02
    Scenario: The database was away for a while
      Given a market of 20 instruments
      When the database stops answering for 6 seconds, and an operator looks back
      Then these objectives hold:
        | measure                         | target      |
        | seconds invented                | exactly 0   |
        | seconds invented by wider steps | exactly 0   |
        | time until the history goes on  | at most 5 s |
