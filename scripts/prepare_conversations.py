"""Writes the chitchat-dataset's conversations as JSON lines: python3 prepare_conversations.py DATASET FOLDER

A conversation is a list of turns, each a list of texts by one person. Whoever speaks first is the user, the other one
the assistant; a turn's texts become lines of one message. Conversations of one turn are left out. One of twenty is
held out.
"""

import json
import os
import sys


def messages(conversation):
    result, first = [], None
    for turn in conversation["messages"]:
        content = "\n".join(message["text"].strip() for message in turn if message["text"].strip())
        if not content:
            continue
        role = "user" if not result or turn[0]["sender"] == first else "assistant"
        if not result:
            first = turn[0]["sender"]
        if result and result[-1]["role"] == role:
            result[-1]["content"] += "\n" + content
        else:
            result.append({"role": role, "content": content})
    return result


def main():
    dataset, folder = sys.argv[1:]
    with open(dataset, encoding="utf-8") as file:
        conversations = [messages(conversation) for conversation in json.load(file).values()]
    conversations = [conversation for conversation in conversations if len(conversation) > 1]
    os.makedirs(folder, exist_ok=True)
    parts = {
        "train": [c for i, c in enumerate(conversations) if i % 20 != 19],
        "held-out": conversations[19::20],
    }
    for name, part in parts.items():
        path = os.path.join(folder, name + ".jsonl")
        with open(path + ".partial", "w", encoding="utf-8") as file:
            for conversation in part:
                file.write(json.dumps({"messages": conversation}, ensure_ascii=False) + "\n")
        os.replace(path + ".partial", path)
        print(f"{path}: {len(part)} conversations")


if __name__ == "__main__":
    main()
