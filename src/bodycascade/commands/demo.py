"""`bodycascade demo`: a page in the browser to try the cascade on."""

from __future__ import annotations

from contextlib import suppress

import click

from bodycascade.commands.cascade_options import CascadeChoice, cascade_options
from bodycascade.errors import MissingExtraError


@click.command(short_help="Try it in the browser.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8321, show_default=True, help="Where it listens; 0: any free one."
)
@click.option("--no-browser", is_flag=True, help="Open no browser, only say the address.")
@cascade_options
def command(*, port: int, no_browser: bool, cascade: CascadeChoice) -> int:
    """Open a page to try the cascade on: drop, paste or photograph a picture, and look at its parts.

    The page is served by this computer to itself alone. No picture leaves it or is written to disk. Ctrl-C ends.

    \b
    bodycascade demo
    bodycascade demo --port 0 --no-browser
    """
    try:
        import starlette  # noqa: F401, PLC0415 - an extra
        import uvicorn  # noqa: F401, PLC0415
    except ImportError as error:
        raise MissingExtraError(error.name or "starlette", "demo") from None
    from bodycascade.demo.serving import address_of, listen, open_browser, serve  # noqa: PLC0415

    with listen(port) as listening:
        address = address_of(listening)
        segmenter = cascade.load()

        def announce() -> None:
            with suppress(OSError):  # whoever does not hear the address may know it
                click.echo(f"{address}  (Ctrl-C ends)")
            if not no_browser:
                open_browser(address)

        with suppress(KeyboardInterrupt):  # how it is meant to end
            serve(segmenter, listening, on_start=announce)
    return 0
