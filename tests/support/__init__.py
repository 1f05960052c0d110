"""What the tests share: ways to feed a parser, to compare the twins, and to build lists."""
