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

  Rule: A question is as quick in a month of prices as on the first day

    @pr @SLO-QUERY-02
    Scenario: A trader looks a week up in a month of prices
      Given a market of 200 instruments that traded 60,000 prices over the last 30 days
      When a trader asks each question 200 times, 250 questions a second, about the last 7 days
      Then these objectives hold:
        | measure                                           | target           |
        | answers that are wrong                            | exactly 0        |
        | query (latest price), p95                         | at most 250 ms   |
        | query (prices of a span), p95                     | at most 250 ms   |
        | query (volume-weighted average), p95              | at most 250 ms   |
        | query (daily bars), p95                           | at most 250 ms   |
        | query (instruments), p95                          | at most 250 ms   |
        | partitions read (latest price)                    | at most 13       |
        | partitions read (prices of a span)                | exactly 7        |
        | partitions read (volume-weighted average)         | exactly 7        |
        | partitions read (daily bars)                      | at most 2        |
        | sequential scans (latest price)                   | exactly 0        |
        | sequential scans (prices of a span)               | exactly 0        |
        | sequential scans (volume-weighted average)        | exactly 0        |
        | sequential scans (daily bars)                     | exactly 0        |
        | rows estimated wrong by (prices of a span)        | at most 3 times  |
        | rows estimated wrong by (volume-weighted average) | at most 3 times  |
        | rows estimated wrong by (daily bars)              | at most 3 times  |

    @nightly @SLO-QUERY-03
    Scenario: A trader looks a week up in a quarter of prices
      Given a market of 200 instruments that traded 1,000,000 prices over the last 90 days
      When a trader asks each question 1,000 times, 250 questions a second, about the last 7 days
      Then these objectives hold:
        | measure                                           | target           |
        | answers that are wrong                            | exactly 0        |
        | query (latest price), p95                         | at most 250 ms   |
        | query (prices of a span), p95                     | at most 250 ms   |
        | query (volume-weighted average), p95              | at most 250 ms   |
        | query (daily bars), p95                           | at most 250 ms   |
        | query (instruments), p95                          | at most 250 ms   |
        | partitions read (latest price)                    | at most 13       |
        | partitions read (prices of a span)                | exactly 7        |
        | partitions read (volume-weighted average)         | exactly 7        |
        | partitions read (daily bars)                      | at most 2        |
        | sequential scans (latest price)                   | exactly 0        |
        | sequential scans (prices of a span)               | exactly 0        |
        | sequential scans (volume-weighted average)        | exactly 0        |
        | sequential scans (daily bars)                     | exactly 0        |
        | rows estimated wrong by (prices of a span)        | at most 10 times |
        | rows estimated wrong by (volume-weighted average) | at most 10 times |
        | rows estimated wrong by (daily bars)              | at most 3 times  |
