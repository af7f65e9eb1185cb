"""torchrun, as a script for the fork server: its agent. The ranks it starts are new processes."""

from torch.distributed.run import main

if __name__ == "__main__":
    main()
