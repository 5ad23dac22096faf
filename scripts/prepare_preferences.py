"""Makes preferences of the conversations that prepare_conversations.py has written: python3 prepare_preferences.py FOLDER

The prompt is a conversation up to the assistant's first answer; that answer is chosen, and the first answer of another
conversation is rejected. What people said where they said it is preferred to what they said elsewhere.
"""

import json
import os
import random
import sys


def pairs(conversations):
    openings = [(messages[:1], messages[1]) for messages in conversations if len(messages) > 1 and messages[1]["role"] == "assistant"]
    others = openings[:]
    random.Random(0).shuffle(others)
    for (prompt, chosen), (_, rejected) in zip(openings, others, strict=True):
        if chosen["content"] != rejected["content"]:
            yield {"prompt": prompt, "chosen": [chosen], "rejected": [rejected]}


def main():
    folder = sys.argv[1]
    for name in ("train", "held-out"):
        with open(os.path.join(folder, name + ".jsonl"), encoding="utf-8") as file:
            conversations = [json.loads(line)["messages"] for line in file]
        path = os.path.join(folder, f"preferences-{name}.jsonl")
        with open(path + ".partial", "w", encoding="utf-8") as file:
            for pair in pairs(conversations):
                file.write(json.dumps(pair, ensure_ascii=False) + "\n")
        os.replace(path + ".partial", path)


if __name__ == "__main__":
    main()
