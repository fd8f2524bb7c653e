"""Data sets that are not as they should be: one clear line each."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path

import pyarrow
import pytest
from PIL import Image, features
from pyarrow import parquet

from interlock.data import list_images, open_source
from interlock.data.sources.labels import checked, class_names
from interlock.errors import DataError, ImageError, OptionError
from tests.data.sources.kinds import (
    CLASSES,
    WRITERS,
    add,
    as_csv,
    as_datasets,
    as_parquet,
    as_tars,
    number_of,
    png,
)

IMAGES = [png(k) for k in range(6)]


def refused(match: str, call: Callable[[], object]) -> str:
    with pytest.raises(DataError, match=match) as caught:
        call()
    assert "\n" not in str(caught.value)
    return str(caught.value)


# Folders


def test_folders_without_images(tmp_path: Path) -> None:
    refused(
        "no image files; expected photo.jpg, or CLASS", lambda: open_source("folder", str(tmp_path))
    )
    (tmp_path / "cat").mkdir()
    (tmp_path / "cat/.hidden.png").write_bytes(IMAGES[0])
    line = refused("no image files", lambda: open_source("folder", str(tmp_path)))
    assert line.startswith(f"{tmp_path}/cat: ")


def test_images_beside_folders_are_not_guessed_at(tmp_path: Path) -> None:
    """One stray picture beside the classes must not become the whole data set."""
    for name in ("cat", "dog"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "0.png").write_bytes(IMAGES[0])
    (tmp_path / "overview.png").write_bytes(IMAGES[1])
    path = str(tmp_path)
    refused(
        r"holds images \(overview.png\) and folders \(cat\)", lambda: open_source("folder", path)
    )
    assert [s.id for s in open_source("folder", path, layout="flat")] == ["overview.png"]
    classes = open_source("folder", path, layout="classes")
    assert [s.id for s in classes] == ["cat/0.png", "dog/0.png"]
    refused("no class folders", lambda: open_source("folder", f"{path}/cat", layout="classes"))
    with pytest.raises(OptionError, match="layout='deep'"):
        open_source("folder", path, layout="deep")


@pytest.mark.parametrize("below", ["tabby", "tabby/young"])
def test_images_in_a_folder_inside_a_class_are_not_left_out(tmp_path: Path, below: str) -> None:
    (tmp_path / "cat" / below).mkdir(parents=True)
    (tmp_path / "cat/0.png").write_bytes(IMAGES[0])
    (tmp_path / "cat" / below / "notes.txt").write_text("none of a picture")
    assert len(open_source("folder", str(tmp_path))) == 1
    (tmp_path / "cat" / below / "1.png").write_bytes(IMAGES[1])
    line = refused("move them up", lambda: open_source("folder", str(tmp_path)))
    assert line.startswith(f"{tmp_path}/cat/tabby: images in a folder inside a class")


def test_links_to_folders_and_files_are_followed(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real/0.png").write_bytes(IMAGES[0])
    (tmp_path / "data").mkdir()
    (tmp_path / "data/cat").symlink_to(tmp_path / "real")
    [sample] = open_source("folder", str(tmp_path / "data"))
    assert (sample.id, sample.label, sample.data()) == ("cat/0.png", "cat", IMAGES[0])
    (tmp_path / "real/1.png").symlink_to(tmp_path / "real/0.png")
    assert len(open_source("folder", str(tmp_path / "data"))) == 2


def test_an_image_that_vanishes_is_named(tmp_path: Path) -> None:
    for k in range(2):
        (tmp_path / f"{k}.png").write_bytes(IMAGES[k])
    first, second = open_source("folder", str(tmp_path))
    (tmp_path / "0.png").unlink()
    with pytest.raises(ImageError, match=r"0\.png: cannot be read \(.*0\.png: no such file\)$"):
        first.read()
    with pytest.raises(ImageError, match="no such file"):
        first.digest()
    second.read()


def test_pictures_of_rarer_kinds_are_read_or_named(tmp_path: Path) -> None:
    """A picture that Pillow cannot read here fails by its name; it is not passed over."""
    for k, (name, kind) in enumerate(
        {"0.jfif": "JPEG", "1.JPE": "JPEG", "2.tga": "TGA", "3.jp2": "JPEG2000"}.items()
    ):
        Image.new("RGB", (8, 8), (50 * k, 0, 0)).save(tmp_path / name, kind)
    (tmp_path / "4.heic").write_bytes(b"\0\0\0 ftypheic")
    able = features.check("avif")
    if able:
        Image.new("RGB", (8, 8), (200, 0, 0)).save(tmp_path / "5.avif")
    else:
        (tmp_path / "5.avif").write_bytes(b"\0\0\0 ftypavif")
    samples = list(open_source("folder", str(tmp_path)))
    assert [s.id for s in samples] == ["0.jfif", "1.JPE", "2.tga", "3.jp2", "4.heic", "5.avif"]
    for k, sample in enumerate(samples):
        if k < 4 or (k == 5 and able):
            assert abs(sample.read().getpixel((0, 0))[0] - (200 if k == 5 else 50 * k)) < 5
        else:
            with pytest.raises(ImageError, match=rf"{sample.id}: not an image that Pillow can"):
                sample.read()
    assert [p.name for p in list_images(tmp_path)] == [s.id for s in samples]


# CSV


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        (b"", {}, "labels.csv has no column 'file'; its columns are none"),
        (b"file,label\n", {}, "labels.csv holds no rows"),
        (b"path,label\na.png,1\n", {}, "no column 'file'; its columns are path, label"),
        (b"file,label\na.png,1\n", {"label": "class"}, "no column 'class'"),
        (b"file,label\n,1\n", {}, "line 2: names no file"),
        (b"file,label\na.png,1\na.png,2\n", {}, "line 3: a.png a second time"),
        (b"file,label\na.png,1\nb.png,3\n", {}, "line 3: label 3 is outside 0..2"),
        (b"file,label\na.png,-1\n", {}, "line 2: label -1 is outside 0..2"),
        (b"file,label\na.png,bird\n", {}, "line 2: label 'bird' is not one of the 3 classes"),
        (b"file,label\n\xff\xfe,1\n", {}, "labels.csv is not UTF-8"),
    ],
)
def test_bad_tables(text: bytes, options: dict[str, str], message: str, tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_bytes(text)
    line = refused(message, lambda: open_source("csv", str(tmp_path), classes=CLASSES, **options))  # type: ignore[arg-type]
    assert line.startswith(f"{tmp_path}: labels.csv")


def test_a_folder_with_two_tables(tmp_path: Path) -> None:
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_text("file,label\nx.png,1\n")
    refused(r"2 tables \(a\.csv, b\.csv\); name one", lambda: open_source("csv", str(tmp_path)))
    assert len(open_source("csv", str(tmp_path / "b.csv"))) == 1
    (tmp_path / "c").mkdir()
    refused(r"holds no \*\.csv or \*\.tsv", lambda: open_source("csv", str(tmp_path / "c")))


def test_labels_of_a_table(tmp_path: Path) -> None:
    text = '\ufefffile\tlabel\n"a b.png"\tcat\nc.png\t\nd.png\t007\ne.png'
    (tmp_path / "t.tsv").write_text(text)
    found = [(s.id, s.label) for s in open_source("csv", str(tmp_path / "t.tsv"))]
    assert found == [("a b.png", "cat"), ("c.png", None), ("d.png", 7), ("e.png", None)]
    assert {s.label for s in open_source("csv", str(tmp_path), label="")} == {None}


# Class names


def test_class_names(tmp_path: Path) -> None:
    (tmp_path / "c.json").write_text(json.dumps(CLASSES))
    (tmp_path / "c.txt").write_text("\n".join(CLASSES) + "\n")
    assert class_names(str(tmp_path / "c.json")) == class_names(str(tmp_path / "c.txt")) == CLASSES
    for bad in ('{"a": 1}', "[1]", "[]", "{"):
        (tmp_path / "bad.json").write_text(bad)
        refused("bad.json: ", lambda: class_names(str(tmp_path / "bad.json")))
    refused("'a' stands twice", lambda: class_names(["a", "b", "a"]))
    refused(
        "none.json: class names cannot be read", lambda: class_names(str(tmp_path / "none.json"))
    )


@pytest.mark.parametrize(
    ("value", "label"),
    [("cat", "cat"), (2, 2), (2.0, 2), (True, 1), (None, None), (float("nan"), None)],
)
def test_labels(value: object, label: object) -> None:
    assert checked(value, CLASSES, "x") == label


@pytest.mark.parametrize("value", [1.5, b"cat", [1], {"a": 1}])
def test_what_is_no_label(value: object) -> None:
    refused("x: label .* neither a class name nor a class index", lambda: checked(value, None, "x"))


# Parquet


def table(path: Path, **columns: object) -> Path:
    parquet.write_table(pyarrow.table(columns), path)
    return path


def test_bad_parquet(tmp_path: Path) -> None:
    file = table(tmp_path / "a.parquet", img=IMAGES, other=IMAGES, label=[0, 1, 2, 3, 0, 1])
    path = str(file)
    refused("columns img, other hold bytes; name the column", lambda: open_source("parquet", path))
    refused(
        "no column 'x'; its columns are img, other, label",
        lambda: open_source("parquet", path, image="x"),
    )
    refused(
        "'label' holds int64, not the bytes", lambda: open_source("parquet", path, image="label")
    )
    refused("no column 'y'", lambda: open_source("parquet", path, image="img", label="y"))
    source = open_source("parquet", path, image="img", classes=CLASSES)
    refused("a.parquet: row 3: label 3 is outside 0..2", lambda: list(source))
    refused("row 3: label 3 is outside", lambda: source.sample(3))
    assert source.sample(4).label == 0
    refused(
        "no column holds bytes",
        lambda: open_source("parquet", str(table(tmp_path / "b.parquet", label=[1]))),
    )
    empty = table(tmp_path / "c.parquet", img=pyarrow.array([], pyarrow.binary()), label=[])
    refused("c.parquet: holds no rows", lambda: open_source("parquet", str(empty)))
    (tmp_path / "none").mkdir()
    refused(r"holds no \*\.parquet", lambda: open_source("parquet", str(tmp_path / "none")))
    refused("matches no file", lambda: open_source("parquet", f"{tmp_path}/x*.parquet"))


@pytest.mark.parametrize("keep", [0, 3, 200, -1])
def test_a_cut_parquet_file(keep: int, tmp_path: Path) -> None:
    stored = as_parquet(str(tmp_path), IMAGES)
    second = tmp_path / "part-1.parquet"
    second.write_bytes(second.read_bytes()[:keep])
    line = refused("not a whole Parquet file", lambda: open_source("parquet", stored.path))
    assert "part-1.parquet" in line


def test_a_damaged_row_group_harms_its_own_rows(tmp_path: Path) -> None:
    stored = as_parquet(str(tmp_path), IMAGES, rows=2, files=1)
    file = tmp_path / "part-0.parquet"
    group = parquet.ParquetFile(file).metadata.row_group(1).column(0)
    whole = bytearray(file.read_bytes())
    start = group.dictionary_page_offset or group.data_page_offset
    whole[start : start + 12] = b"\xff" * 12
    file.write_bytes(whole)
    bad = []
    for k, sample in enumerate(open_source("parquet", stored.path)):
        try:
            sample.read()
        except ImageError as error:
            assert "\n" not in str(error)  # noqa: PT017
            bad.append(k)
    assert bad == [2, 3]


def test_rows_without_an_image(tmp_path: Path) -> None:
    cells = [{"bytes": IMAGES[0], "path": "a.png"}, {"bytes": None, "path": "b.png"}, None]
    path = str(table(tmp_path / "a.parquet", image=cells, label=["x", None, "y"]))
    samples = list(open_source("parquet", path))
    assert [s.label for s in samples] == ["x", None, "y"]
    samples[0].read()
    for sample in samples[1:]:
        with pytest.raises(ImageError, match="the row holds no image"):
            sample.read()


def test_hugging_face_metadata_name_the_classes(tmp_path: Path) -> None:
    features = {"label": {"names": list(CLASSES), "_type": "ClassLabel"}}
    meta = {"huggingface": json.dumps({"info": {"features": features}})}
    columns = pyarrow.table({"img": IMAGES[:2], "label": [-1, 2]}).replace_schema_metadata(meta)
    parquet.write_table(columns, tmp_path / "a.parquet")
    source = open_source("parquet", str(tmp_path))
    assert source.classes == CLASSES
    assert [s.label for s in source] == [None, 2]


def test_a_file_written_anew_is_read_anew(tmp_path: Path) -> None:
    path = str(table(tmp_path / "a.parquet", img=IMAGES[:2], label=[0, 1]))
    first = open_source("parquet", path).sample(0).digest()
    table(tmp_path / "a.parquet", img=IMAGES[4:], label=[0, 1])
    assert open_source("parquet", path).sample(0).digest() != first


# Tars


def tar_of(path: Path, files: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w") as tar:
        for name, content in files.items():
            add(tar, name, content)
    return path


def test_keys_and_labels_of_tars(tmp_path: Path) -> None:
    files = {
        "a/1.png": IMAGES[0], "a/1.cls": b"cat\n", "a/1.txt": b"words",
        "a/2.PNG": IMAGES[1], "a/2.json": b'{"label": 2, "id": 9}',
        "a/3.seg.png": IMAGES[2], "a/3.png": IMAGES[3],
        "notes/README": b"", "a/4.txt": b"no image",
        "a/5.jpg": IMAGES[5],
    }  # fmt: skip
    source = open_source("webdataset", str(tar_of(tmp_path / "a.tar", files)))
    samples = list(source)
    assert [(s.id, s.label) for s in samples] == [
        ("a/1", "cat"),
        ("a/2", 2),
        ("a/3", None),
        ("a/5", None),
    ]
    expected = [IMAGES[k] for k in (0, 1, 3, 5)]
    assert [s.data() for s in samples] == expected
    assert [source.sample(k) for k in range(4)] == samples


def test_long_names_survive_random_access(tmp_path: Path) -> None:
    for layout in (tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
        path = tmp_path / "long.tar"
        with tarfile.open(path, "w", format=layout) as tar:
            for k in range(3):
                add(tar, f"{'x' * 150}/é{'y' * 120}{k}.png", IMAGES[k])
        source = open_source("webdataset", str(path))
        assert [source.sample(k).data() for k in (2, 0, 1)] == [IMAGES[k] for k in (2, 0, 1)]
        assert source.sample(1).id == f"{'x' * 150}/é{'y' * 120}1"


def test_what_the_webdataset_package_reads(tmp_path: Path) -> None:
    webdataset = pytest.importorskip("webdataset")
    with webdataset.TarWriter(str(tmp_path / "w-000.tar")) as writer:
        for k, image in enumerate(IMAGES):
            writer.write({"__key__": f"sub.dir/{k:03}", "png": image, "cls": k})
    theirs = list(webdataset.WebDataset(str(tmp_path / "w-000.tar"), shardshuffle=False))
    ours = list(open_source("webdataset", f"{tmp_path}/w-{{000..000}}.tar"))
    assert [(s.id, s.data(), s.label) for s in ours] == [
        (t["__key__"], t["png"], int(t["cls"])) for t in theirs
    ]


@pytest.mark.parametrize(
    ("files", "options", "message"),
    [
        ({}, {}, "a.tar: holds no images"),
        ({"a.txt": b"x"}, {}, "a.tar: holds no images"),
        ({"a.png": IMAGES[0], "b.png": IMAGES[1], "a.cls": b"0"}, {}, "a.cls stands apart"),
        ({"a.png": IMAGES[0], "b.png": IMAGES[1], "a.jpg": IMAGES[2]}, {}, "two samples are named a"),
        ({"a.png": IMAGES[0], "a.jpg": IMAGES[1]}, {}, r"a has images \.jpg, \.png; name one"),
        ({"a.png": IMAGES[0], "a.cls": b"3"}, {"classes": CLASSES}, "a: label 3 is outside 0..2"),
        ({"a.png": IMAGES[0], "a.cls": b"\xff"}, {}, "the label of a cannot be read"),
        ({"a.png": IMAGES[0], "a.json": b"{"}, {}, "the label of a cannot be read"),
        ({"a.png": IMAGES[0], "a.json": b'{"label": [1]}'}, {}, "neither a class name nor"),
    ],
)  # fmt: skip
def test_bad_tars(
    files: dict[str, bytes], options: dict[str, object], message: str, tmp_path: Path
) -> None:
    path = str(tar_of(tmp_path / "a.tar", files))
    for use in (list, len):
        refused(message, lambda use=use: use(open_source("webdataset", path, **options)))  # type: ignore[misc, arg-type]


def test_shards_that_are_not_whole(tmp_path: Path) -> None:
    as_tars(str(tmp_path), [png(k, side=40) for k in range(6)])
    shard = tmp_path / "shard-001.tar"
    whole = shard.read_bytes()
    header = 1024  # of the second file: 512 of header and 512 of padded contents before it

    def counted() -> int:
        return len(open_source("webdataset", str(tmp_path)))

    assert counted() == 6
    for cut in (0, 100, header + 100, header + 512):
        shard.write_bytes(whole[:cut])
        line = refused("the file is empty|not a whole tar file|cannot be read", counted)
        assert "shard-001.tar" in line
    damaged = bytearray(whole)
    damaged[header : header + 8] = b"\xff" * 8
    shard.write_bytes(damaged)
    refused(f"shard-001.tar: damaged at byte {header}", counted)
    shard.write_bytes(b"not a tar" * 200)
    refused("shard-001.tar: not a whole tar file", counted)
    shard.write_bytes(gzip.compress(whole))
    refused("shard-001.tar: a compressed tar file", counted)
    buffer = io.BytesIO()
    tarfile.open(fileobj=buffer, mode="w").close()
    shard.write_bytes(buffer.getvalue())
    refused("shard-001.tar: holds no images", counted)


def test_a_shard_cut_after_it_was_listed(tmp_path: Path) -> None:
    stored = as_tars(str(tmp_path), IMAGES, shards=1)
    samples = list(open_source(stored.kind, stored.path))
    shard = tmp_path / "shard-000.tar"
    shard.write_bytes(shard.read_bytes()[:1024])
    samples[0].read()
    with pytest.raises(ImageError, match=r"000005: cannot be read .*ends before byte"):
        samples[5].read()


def test_numbered_shards(tmp_path: Path) -> None:
    as_tars(str(tmp_path), IMAGES, shards=3)
    part = open_source("webdataset", f"{tmp_path}/shard-{{001..002}}.tar")
    assert [s.id for s in part] == [f"shard-00{1 + k // 2}.tar:{k + 2:06}" for k in range(4)]
    refused(
        "shard-003.tar: no such file",
        lambda: open_source("webdataset", f"{tmp_path}/shard-{{002..003}}.tar"),
    )
    refused("counts down", lambda: open_source("webdataset", f"{tmp_path}/shard-{{2..1}}.tar"))


# Saved datasets


def test_bad_datasets(tmp_path: Path) -> None:
    import datasets

    (tmp_path / "x").mkdir()
    refused(
        "not a data set that save_to_disk wrote",
        lambda: open_source("datasets", str(tmp_path / "x")),
    )
    stored = as_datasets(str(tmp_path / "d"), IMAGES)
    refused(
        "no column 'img'; its columns are image, label",
        lambda: open_source("datasets", stored.path, image="img"),
    )
    refused("no column 'y'", lambda: open_source("datasets", stored.path, label="y"))
    refused("leave out split", lambda: open_source("datasets", stored.path, split="test"))
    refused(
        "label 2 is outside 0..1",
        lambda: list(open_source("datasets", stored.path, classes=["a", "b"])),
    )
    [arrow] = (tmp_path / "d").glob("*.arrow")
    arrow.write_bytes(arrow.read_bytes()[:150])
    refused("cannot be read", lambda: list(open_source("datasets", stored.path)))
    arrow.unlink()
    refused("a file of it is missing", lambda: open_source("datasets", stored.path))
    empty = datasets.Dataset.from_dict({"image": [], "label": []})
    empty.save_to_disk(str(tmp_path / "e"))
    # Which of the two depends on what ``datasets`` makes of its own empty files.
    refused("holds no rows|cannot be read", lambda: open_source("datasets", str(tmp_path / "e")))


def test_splits_of_a_dataset(tmp_path: Path) -> None:
    import datasets

    parts = {
        name: datasets.load_from_disk(as_datasets(str(tmp_path / name), images).path)
        for name, images in (("train", IMAGES[:4]), ("test", IMAGES[4:]))
    }
    path = str(tmp_path / "both")
    datasets.DatasetDict(parts).save_to_disk(path)
    assert [s.data() for s in open_source("datasets", path, split="test")] == IMAGES[4:]
    refused("several splits; name one of train, test", lambda: open_source("datasets", path))
    refused(
        "no split 'dev'; name one of train, test",
        lambda: open_source("datasets", path, split="dev"),
    )


def test_images_of_a_dataset_are_stored_bytes(tmp_path: Path) -> None:
    """Files that a data set was made from, and its selections, keep their bytes and order."""
    import datasets

    names = []
    for k, image in enumerate(IMAGES):
        (tmp_path / f"{k}.png").write_bytes(image)
        names.append(str(tmp_path / f"{k}.png"))
    made = datasets.Dataset.from_dict({"image": names, "label": [-1, 0, 1, 2, 0, 1]}).cast(
        datasets.Features(
            {"image": datasets.Image(), "label": datasets.ClassLabel(names=list(CLASSES))}
        )
    )
    made.select([5, 0, 3]).save_to_disk(str(tmp_path / "d"))
    samples = list(open_source("datasets", str(tmp_path / "d")))
    assert [s.data() for s in samples] == [IMAGES[k] for k in (5, 0, 3)]
    assert [s.label for s in samples] == [1, None, 2]


# Prompts


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("p.txt", b"\n \n", "holds no prompts"),
        ("p.jsonl", b"", "holds no prompts"),
        ("p.jsonl", b'{"prompt": "a"}\n\n{', "line 3: not JSON"),
        ("p.jsonl", b'{"prompt": "a"}\n[]', "line 2: expected an object"),
        ("p.jsonl", b'{"prompt": ""}', "line 1: expected an object with a text 'prompt'"),
        ("p.jsonl", b'{"prompt": "a"}\n{"prompt": "\xff"}', "line 2: not UTF-8"),
        ("p.txt", b"a\n\xff", "line 2: not UTF-8"),
    ],
)  # fmt: skip
def test_bad_prompts(name: str, content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    refused(f"{name}: {message}", lambda: list(open_source("prompts", str(tmp_path / name))))


def test_prompts_of_a_text_file(tmp_path: Path) -> None:
    (tmp_path / "p.txt").write_bytes("first é\r\n\n second \nlast".encode())
    source = open_source("prompts", str(tmp_path / "p.txt"))
    assert [(s.id, s.prompt) for s in source] == [
        ("1", "first é"),
        ("3", " second "),
        ("4", "last"),
    ]  # type: ignore[attr-defined]
    assert source.sample(1).id == "3"


def test_a_table_next_to_its_pictures(tmp_path: Path) -> None:
    stored = as_csv(str(tmp_path / "d"), IMAGES)
    (tmp_path / "d/labels.csv").write_text(
        f"file,label\n{tmp_path}/d/images/000002.png,1\n../x.png,0"
    )
    (tmp_path / "x.png").write_bytes(IMAGES[5])
    assert [s.data() for s in open_source("csv", stored.path)] == [IMAGES[2], IMAGES[5]]


@pytest.mark.slow
@pytest.mark.parametrize("kind", WRITERS)
def test_one_unreadable_image_in_ten_thousand(kind: str, tmp_path: Path) -> None:
    images = [png(k) for k in range(10_000)]
    images[5_000] = b"not an image"
    stored = WRITERS[kind](str(tmp_path / "data"), images)
    source = open_source(stored.kind, stored.path, **stored.options)  # type: ignore[arg-type]
    read, failed = [], []
    for sample in source:
        try:
            read.append(number_of(sample.read()))
        except ImageError as error:
            failed.append(str(error))
    assert read == [k for k in range(10_000) if k != 5_000]
    where = f"{stored.path}: {source.sample(5_000).id}"
    assert failed == [f"{where}: not an image that Pillow can read; use a PNG or JPEG file"]
