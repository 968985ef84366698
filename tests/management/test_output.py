"""Where results go: the target is replaced as a whole, and what others wrote steers no terminal."""

from cloudigrade.management import output
from tests.management.trails import IMAGES, launch, write_json, write_log


def test_a_link_stays_and_what_it_leads_to_is_replaced(tmp_path):
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to("real")

    output.write("new", tmp_path / "link")

    assert (tmp_path / "real").read_text() == "new"
    assert (tmp_path / "link").is_symlink()


def test_standard_output_by_its_path_stays_what_it_is(tmp_path):
    with (tmp_path / "redirected").open("wb") as file:
        link = tmp_path / "stdout"
        link.symlink_to(f"/proc/self/fd/{file.fileno()}")

        output.write("new", link)

    assert link.is_symlink()
    assert (tmp_path / "redirected").read_text() == "new"


def test_links_that_lead_nowhere_are_replaced(tmp_path):
    for name, target in {"lost": "gone", "loop": "loop"}.items():
        (tmp_path / name).symlink_to(target)

        output.write("new", tmp_path / name)

        assert (tmp_path / name).read_text() == "new"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["loop", "lost"]


def test_the_texts_of_others_steer_no_terminal(meter, tmp_path):
    write_log(tmp_path / "trail", launch("01:00"))
    image = IMAGES["Images"][0] | {"UsageOperation": "x\x1b[31m\ny", "ProductCodes": [{"ProductCodeId": "\x9b1m"}]}
    images = write_json(tmp_path / "images.json", {"Images": [image]})

    answer = meter(tmp_path / "trail", "--images", images, "--explain")

    assert "product code \N{REPLACEMENT CHARACTER}1m" in answer.out
    assert "usage operation x\N{REPLACEMENT CHARACTER}[31m\N{REPLACEMENT CHARACTER}y" in answer.out
    assert [letter for letter in answer.out if not letter.isprintable() and letter != "\n"] == []
