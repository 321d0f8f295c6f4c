"""The command `bodycascade` as `python -m bodycascade`."""

from bodycascade.commands.main import main

if __name__ == "__main__":
    main()
