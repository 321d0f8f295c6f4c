"""A page in the browser to try a cascade on, served by this computer to itself alone.

`serving` listens and runs, `site` answers requests, `guard` refuses what does not come from the page itself, `turns`
lets one picture at a time be segmented, `uploads` reads pictures, `answers` packs results, `samples` has pictures to
click.
The page is `page/`: plain HTML, CSS and JavaScript modules, sent as they are.
"""

from __future__ import annotations
