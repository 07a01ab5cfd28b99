"""Where a bundle, and an installed version's `installer` folder, begin."""

import sys

from wachhund_install.cli import main

sys.exit(main())
