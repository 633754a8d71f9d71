package drive

import (
	"context"
	"fmt"
)

type instrument struct {
	Symbol string `json:"symbol"`
	Name   string `json:"name"`
}

// List brings the instruments with these symbols to the market.
func (m *Market) List(ctx context.Context, symbols []string) error {
	body := struct {
		Instruments []instrument `json:"instruments"`
	}{}
	for _, s := range symbols {
		body.Instruments = append(body.Instruments, instrument{Symbol: s, Name: s})
	}
	var answer struct {
		Stored     int `json:"stored"`
		Duplicates int `json:"duplicates"`
	}
	if err := m.post(ctx, "/api/instruments", body, &answer); err != nil {
		return fmt.Errorf("listing %d instruments: %w", len(symbols), err)
	}
	if answer.Stored+answer.Duplicates != len(symbols) {
		return fmt.Errorf("listing %d instruments: the service kept %d", len(symbols), answer.Stored+answer.Duplicates)
	}
	return nil
}
