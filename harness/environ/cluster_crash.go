package environ

import (
	"context"
	"errors"
	"fmt"
	"syscall"
)

// crash kills all that runs. What that leaves in shared memory is for the next
// server, which looks there for others on its data.
func (c *cluster) crash(ctx context.Context) error {
	select {
	case <-c.exited:
		return c.ended()
	default:
	}
	command := c.command
	if err := c.kill(ctx); err != nil {
		return err
	}
	if how, ok := command.ProcessState.Sys().(syscall.WaitStatus); ok && !how.Signaled() { // just before
		return c.ended()
	}
	return nil
}

func (c *cluster) ended() error {
	return fmt.Errorf("it has ended by itself: %s", complaint(c.readLog()))
}

// kill ends the server the hard way. The janitor hears beforehand what that
// leaves behind.
func (c *cluster) kill(ctx context.Context) error {
	pid := c.command.Process.Pid
	below, _ := family(ctx, pid)
	for _, it := range remains(c.data(), append(below, pid)) {
		if _, err := c.keeper.keep(it); err != nil {
			return err
		}
		c.left = append(c.left, it)
	}
	if err := killFamily(ctx, pid); err != nil {
		return err
	}
	<-c.exited
	c.gone()
	return nil
}

// restart starts a server on the data of the one that was crashed.
func (c *cluster) restart(ctx context.Context) error {
	if err := c.serve(ctx); err != nil {
		return err
	}
	// The new server has removed what the old one left, but for a file that was
	// just being made. The number of a segment may be in use again.
	var errs []error
	for _, it := range c.left {
		if it.Kind == keptFile {
			errs = append(errs, it.removeFile())
		}
		c.keeper.forget(it)
	}
	c.left = nil
	return errors.Join(errs...)
}

// tidy removes what a crash left, when no other server will.
func (c *cluster) tidy(ctx context.Context) error {
	var errs []error
	for _, it := range c.left {
		errs = append(errs, it.remove(ctx))
		c.keeper.forget(it)
	}
	c.left = nil
	return errors.Join(errs...)
}
