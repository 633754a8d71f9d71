package steps

func regressionSteps() []Definition { return nil }
