"""A group of commands whose modules are loaded when they are called, or when their own help is asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module

import click

from bodycascade import __version__

HELP = """Human part segmentation: people, halves and parts in pictures.

\b
  bodycascade segment photo.jpg -o out               labels as an indexed PNG
  bodycascade segment photos -o out --overlay        a whole folder, to look at
  bodycascade segment photo.jpg -o out --cutout head one part, cut out
  bodycascade COMMAND --help                         everything about a command
"""


class LazyGroup(click.Group):
    """`commands` maps a name to (module:command, help), in the order of the help page."""

    def __init__(self, commands: Mapping[str, tuple[str, str]]) -> None:
        super().__init__(
            name="bodycascade",
            help=HELP,
            no_args_is_help=True,
            params=[_version_option()],
            context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
        )
        self._table = commands

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of all commands."""
        return list(self._table)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command called `cmd_name`, loaded now; None where there is none."""
        if cmd_name not in self._table:
            return None
        module, _, name = self._table[cmd_name][0].partition(":")
        command: click.Command = getattr(import_module(module), name)
        return command

    def path_of(self, words: Sequence[str]) -> str:
        """The name of this group and of the commands, one below the other, that `words` begin with."""
        path, context = [str(self.name)], click.Context(self)
        command: click.Command = self
        for word in words:
            if not isinstance(command, click.Group) or (below := command.get_command(context, word)) is None:
                break
            path, command = [*path, word], below
        return " ".join(path)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands from the table alone, without loading one."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in self._table.items()])


def _version_option() -> click.Option:
    def show(ctx: click.Context, _option: click.Parameter, wanted: bool) -> None:
        if wanted:
            click.echo(f"bodycascade {__version__}")
            ctx.exit()

    return click.Option(
        ["--version"], is_flag=True, expose_value=False, is_eager=True, callback=show, help="Show the version."
    )
