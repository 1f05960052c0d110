from amistream.messages import Response


def is_empty_answer(action: str, response: Response) -> bool:
    return False
