package steps

func calculationSteps() []Definition { return nil }
