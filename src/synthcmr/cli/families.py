"""`synthcmr families`: which generators there are, and what can be set of each."""

from typing import Annotated

import typer

from synthcmr.cli.setting_lines import setting_lines


def families(
    family: Annotated[str | None, typer.Argument(help="One of them, to see its settings.")] = None,
    preset: Annotated[str, typer.Option("--preset", help="Whose values to show: cpu, 8g, 24g or 80g.")] = "cpu",
) -> None:
    """List the families of generators; with a name, every setting that 'train --set' takes, its value and its meaning.

    \b
    Examples:
      synthcmr families
      synthcmr families gan --preset 24g
    """
    from synthcmr.generators.families import about
    from synthcmr.generators.families import family as find

    if family is None:
        names = about()
        width = max(map(len, names))
        typer.echo("\n".join(f"{name:<{width}}  {line}" for name, line in names.items()))
        typer.echo("\nSettings of one: synthcmr families NAME. Train it: synthcmr train NAME COHORT RUN")
        return
    model, loop = find(family).settings(preset)
    for group, settings in (("model", model), ("loop", loop)):
        typer.echo("\n".join(setting_lines(group, settings)))
