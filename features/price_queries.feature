@queries
Feature: A trader looks a price up and trusts it

  A figure that is looked up must be the figure that was traded.

  Rule: Every question about prices is answered at once, and rightly

    @pr @SLO-QUERY-01
    Scenario: A trader looks prices up
      Given a market of 50 instruments
      When a trader asks 600 questions about prices a second for 2 seconds, after 1,000 trades
      Then these objectives hold:
        | measure                         | target         |
        | answers that are wrong          | exactly 0      |
        | answers that break their schema | exactly 0      |
        | query answer, p99               | at most 100 ms |
