package environ_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/signoff-dev/signoff/harness/environ"
)

// crasher plays a run that crashes its server, says what it does, and goes on
// until it is killed.
func crasher() error {
	ctx := context.Background()
	me, err := os.Executable()
	if err != nil {
		return err
	}
	p, err := environ.Start(ctx, environ.Options{
		Choice: os.Args[2], RunID: os.Args[4], TempDir: os.Args[3], JanitorCommand: []string{me, "janitor"},
	})
	if err != nil {
		return err
	}
	conn, err := pgx.Connect(ctx, p.DSN(""))
	if err != nil {
		return err
	}
	var data string
	if err := conn.QueryRow(ctx, "SHOW data_directory").Scan(&data); err != nil {
		return err
	}
	for {
		fmt.Println("serving", data)
		fmt.Println("crashing")
		if err := p.Crash(ctx); err != nil {
			return err
		}
		fmt.Println("crashed")
		fmt.Println("restarting")
		if err := p.Restart(ctx); err != nil {
			return err
		}
	}
}

// boss plays a run with a task, says who that is, and waits to be killed.
func boss() error {
	me, err := os.Executable()
	if err != nil {
		return err
	}
	ctx := context.Background()
	p, err := environ.Start(ctx, environ.Options{
		Choice: environ.Local, TempDir: os.Args[2], RunID: os.Args[3], JanitorCommand: []string{me, "janitor"},
	})
	if err != nil {
		return err
	}
	task, err := environ.Begin(ctx, me, p.DSN(""), p, "task", "stays")
	if err != nil {
		return err
	}
	fmt.Println(task.PID(), <-task.Lines())
	return task.Wait()
}

// fakeTask plays a program of the system under test.
func fakeTask() error {
	switch os.Args[2] {
	case "fine":
		fmt.Printf("one %s\n\nthree\r\n", os.Getenv("DATABASE_URL"))
	case "refuses":
		fmt.Println("one")
		return errors.New(`{"level":"ERROR","msg":"migrating","error":"a row has no place"}`)
	case "sulks":
		fmt.Println("one\n" + `a "reason"`)
		os.Exit(1)
	case "mute":
		os.Exit(1)
	case "halfway":
		fmt.Print("one\nhalf")
	case "long":
		fmt.Println(strings.Repeat("x", 100<<10) + "\nnext")
	case "talks":
		for i := range 100_000 {
			fmt.Println(i)
		}
	case "stays":
		child := exec.Command("sleep", "300")
		if err := child.Start(); err != nil {
			return err
		}
		fmt.Println(child.Process.Pid)
		<-time.After(time.Minute)
	}
	return nil
}
