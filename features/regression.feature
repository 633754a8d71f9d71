@regression
Feature: A change makes nothing noticeably slower

  A loss that users would notice is looked for before a change is merged, beside the version that it would replace: signoff run --against.

  Rule: Nothing that users wait for takes noticeably longer than in the release before

    Background:
      Given the tested release and the one before, each with 20,000 prices of 200 instruments

    @pr @SLO-REGRESSION-01
    Scenario: Prices come one by one
      When both releases store prices in batches of 1
      Then these objectives hold:
        | measure                 | target                    |
        | storing in batches of 1 | at least 95 % of baseline |

    @pr @SLO-REGRESSION-02
    Scenario: Prices come in small batches
      When both releases store prices in batches of 100
      Then these objectives hold:
        | measure                   | target                    |
        | storing in batches of 100 | at least 95 % of baseline |

    @pr @SLO-REGRESSION-03
    Scenario: Prices come in large batches
      When both releases store prices in batches of 1,000
      Then these objectives hold:
        | measure                     | target                    |
        | storing in batches of 1,000 | at least 95 % of baseline |

    @pr @SLO-REGRESSION-04
    Scenario: Traders look prices up
      When both releases are asked about prices
      Then these objectives hold:
        | measure                                | target                    |
        | looking up the latest price            | at least 95 % of baseline |
        | looking up the prices of a span        | at least 95 % of baseline |
        | looking up the volume-weighted average | at least 95 % of baseline |
        | looking up the daily bars              | at least 95 % of baseline |

    @pr @SLO-REGRESSION-05
    Scenario: A burst reaches every trader
      When both releases bring bursts of 100 prices to 20 traders
      Then these objectives hold:
        | measure           | target                    |
        | delivering bursts | at least 95 % of baseline |

    @pr @SLO-REGRESSION-06
    Scenario: A monitor asks
      When both releases are asked how they are
      Then these objectives hold:
        | measure            | target                    |
        | telling the health | at least 95 % of baseline |
