"""Write the elements' address and integrity of now into the file that is named: `make clients`."""

import re
import sys
from pathlib import Path

from votes.site.assets import asset_url, sri

SCRIPT = "elements/elements.js"

page = Path(sys.argv[1])
text = re.sub(rf"/static/\w+/{SCRIPT}", asset_url(SCRIPT), page.read_text())
page.write_text(re.sub(r'integrity="[^"]+"', f'integrity="{sri(SCRIPT)}"', text))
