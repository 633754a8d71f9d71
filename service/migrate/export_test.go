package migrate

// Parse reads a migration file and says how many statements go up and down.
func Parse(file, text string) (up, down int, err error) {
	s, err := parseScript(file, text)
	return len(s.up), len(s.down), err
}
