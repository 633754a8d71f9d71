package plan

// Change is a line of the difference between two texts.
type Change struct {
	// Sign is ' ' for a line of both, '-' for one that only the text before
	// has, and '+' for one that only the text after has.
	Sign byte
	Line string
}

// mostCompared bounds the work of a comparison, in pairs of lines; beyond it
// the differing middle of the texts is told as removed and added.
const mostCompared = 4_000_000

// Diff tells what becomes of the lines before in the lines after, by their
// longest common subsequence; what goes is told before what comes. Equal texts
// have no '-' and no '+'.
func Diff(before, after []string) []Change {
	var changes []Change
	same := 0
	for same < len(before) && same < len(after) && before[same] == after[same] {
		changes = append(changes, Change{' ', before[same]})
		same++
	}
	before, after = before[same:], after[same:]
	tail := 0
	for tail < len(before) && tail < len(after) && before[len(before)-1-tail] == after[len(after)-1-tail] {
		tail++
	}
	end := before[len(before)-tail:]
	changes = append(changes, middle(before[:len(before)-tail], after[:len(after)-tail])...)
	for _, line := range end {
		changes = append(changes, Change{' ', line})
	}
	return changes
}

// middle compares what has neither a beginning nor an end in common.
func middle(before, after []string) []Change {
	var changes []Change
	take := func(sign byte, lines []string) {
		for _, line := range lines {
			changes = append(changes, Change{sign, line})
		}
	}
	if len(before)*len(after) > mostCompared {
		take('-', before)
		take('+', after)
		return changes
	}
	// longest[i][j] is the length of the longest common subsequence of
	// before[i:] and after[j:].
	longest := make([][]int, len(before)+1)
	for i := range longest {
		longest[i] = make([]int, len(after)+1)
	}
	for i := len(before) - 1; i >= 0; i-- {
		for j := len(after) - 1; j >= 0; j-- {
			if before[i] == after[j] {
				longest[i][j] = longest[i+1][j+1] + 1
			} else {
				longest[i][j] = max(longest[i+1][j], longest[i][j+1])
			}
		}
	}
	i, j := 0, 0
	for i < len(before) && j < len(after) {
		switch {
		case before[i] == after[j]:
			take(' ', before[i:i+1])
			i, j = i+1, j+1
		case longest[i+1][j] >= longest[i][j+1]:
			take('-', before[i:i+1])
			i++
		default:
			take('+', after[j:j+1])
			j++
		}
	}
	take('-', before[i:])
	take('+', after[j:])
	return changes
}

// Changed reports whether a difference has any.
func Changed(changes []Change) bool {
	for _, c := range changes {
		if c.Sign != ' ' {
			return true
		}
	}
	return false
}
