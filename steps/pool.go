package steps

func poolSteps() []Definition { return nil }
