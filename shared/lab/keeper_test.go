package lab_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/hawser-lb/hawser/shared/lab"
)

// deathEnv makes TestOwnerThatDies, in a process of its own, an owner that dies
// in the way that it names.
const deathEnv = "HAWSER_LAB_TEST_DEATH"

func TestOwnerThatDies(t *testing.T) {
	death := os.Getenv(deathEnv)
	if death == "" {
		return // the test below runs this one in a child
	}
	l := lab.Test(t)
	inside, err := l.Host("a").Start("sleep", "600")
	if err != nil {
		t.Fatal(err)
	}
	outside, err := l.Machine().Start("sleep", "600")
	if err != nil {
		t.Fatal(err)
	}
	fmt.Printf("LAB %s %s %d %d\n", l.Tag(), l.Dir(), inside.PID(), outside.PID())
	if death == "panic" {
		done := make(chan struct{})
		go func() {
			defer close(done)
			panic("as planned")
		}()
		<-done
	}
	syscall.Kill(os.Getpid(), syscall.SIGKILL)
}

func TestKeeperCleansUpAfterAnOwnerThatDied(t *testing.T) {
	for _, death := range []string{"panic", "kill"} {
		t.Run(death, func(t *testing.T) {
			cmd := exec.Command(os.Args[0], "-test.run=^TestOwnerThatDies$")
			cmd.Env = append(os.Environ(), deathEnv+"="+death)
			out, err := cmd.CombinedOutput()
			if err == nil {
				t.Fatalf("the owner lived:\n%s", out)
			}
			var tag, dir string
			var inside, outside int
			_, text, _ := strings.Cut(string(out), "LAB ")
			if _, err := fmt.Sscan(text, &tag, &dir, &inside, &outside); err != nil {
				t.Fatalf("%v in:\n%s", err, out)
			}
			lab.Eventually(t, "the keeper", func() error {
				if left := namespaces(t, tag); left != nil {
					return fmt.Errorf("namespaces left: %v", left)
				}
				for _, pid := range []int{inside, outside} {
					if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) {
						return fmt.Errorf("process %d is still there", pid)
					}
				}
				if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
					return errors.New("the directory is still there")
				}
				return nil
			})
		})
	}
}
