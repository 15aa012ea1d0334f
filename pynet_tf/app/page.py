"""The page itself: what is where, what it looks like, and which handler answers which event."""

from pathlib import Path

import gradio as gr

from pynet_tf.app import examples
from pynet_tf.app.handlers import METHODS, SHOWN, VIEWS, Handlers
from pynet_tf.app.open_photo import Choices
from pynet_tf.app.renderers import Renderers
from pynet_tf.app.visitors import Visitors

_LOOKS = Path(__file__).parent / "looks"
MOST_BLUR, MOST_LIGHTS, MOST_SHARP_RANGE = 5, 30, 60
_TITLE = """
<h1>pynet_tf</h1>
<p>Blurs the background of a photo as a fast lens does. The photo stays on this machine.</p>
"""


def blocks(renderers: Renderers, visitors: Visitors) -> gr.Blocks:
    """Builds the page.

    Args:
        renderers: shared by all visitors.
        visitors: who is at the page.
    """
    handlers = Handlers(renderers, visitors)
    usual = Choices()
    with gr.Blocks(title="pynet_tf", analytics_enabled=False) as page:
        with gr.Row(elem_id="head"):
            gr.HTML(_TITLE, elem_id="title")
            another = gr.Button(
                "New photo", size="sm", scale=0, min_width=0, visible=False, elem_id="another"
            )
        told = gr.HTML("", elem_id="told")
        with gr.Column(elem_id="start") as start:
            photo = gr.File(label="Drop a photo here", elem_id="drop")
            shown = examples.found()
            gallery = gr.Gallery(
                [(str(example.photo), example.title) for example in shown],
                label="Or take an example", columns=3, allow_preview=False, interactive=False,
                buttons=[], elem_id="examples", visible=bool(shown),
            )  # fmt: skip
        with gr.Row(visible=False, elem_id="studio") as studio:
            with gr.Column(scale=5, min_width=280):
                view = gr.Radio(VIEWS, value=VIEWS[0], show_label=False, elem_id="view")
                picture = gr.Image(
                    type="filepath", interactive=False, show_label=False, buttons=["fullscreen"],
                    elem_id="picture",
                    alt_text="The picture; click what should be sharp, or move there by arrow keys",
                )  # fmt: skip
                compare = gr.ImageSlider(
                    type="filepath", interactive=False, show_label=False, visible=False,
                    buttons=["fullscreen"], max_height=2000, elem_id="compare",
                )  # fmt: skip
            with gr.Column(scale=2, min_width=270, elem_id="choices"):
                blur = gr.Slider(
                    0, MOST_BLUR, usual.blur, step=0.1, label="Blur", elem_id="blur",
                    info="Largest disc, percent of the longer side",
                )  # fmt: skip
                lights = gr.Slider(
                    0, MOST_LIGHTS, usual.highlights, step=0.5, label="Lights", elem_id="lights",
                    info="How much brighter small lights are; 0: as likely",
                )  # fmt: skip
                sharp_range = gr.Slider(
                    0, MOST_SHARP_RANGE, 100 * sum(usual.sharp_range), step=1,
                    label="Sharp range", elem_id="sharp_range",
                    info="Percent of all depths around the focus",
                )  # fmt: skip
                method = gr.Radio(
                    list(METHODS), value=next(iter(METHODS)), label="Rendered by",
                    elem_id="method",
                )  # fmt: skip
                with gr.Row(elem_id="buttons"):
                    automatic = gr.Button("Auto focus", elem_id="automatic")
                    download = gr.Button("Download", variant="primary", elem_id="download")
                with gr.Accordion("Depth map", open=False, elem_id="depth"):
                    given = gr.File(
                        label="Drop a depth map of your own (near = bright)", height=140,
                        elem_id="given",
                    )  # fmt: skip
                with gr.Accordion("The same as a command", open=False):
                    command = gr.Code(
                        language="shell", show_label=False, interactive=False, elem_id="command",
                        wrap_lines=True, buttons=["copy"], lines=2,
                    )  # fmt: skip
        # Fields for what the page's script tells and is told.
        point = gr.Textbox(visible="hidden", elem_id="point")
        depth = gr.Textbox(visible="hidden", elem_id="map")
        sharp = gr.Textbox(visible="hidden", elem_id="sharp")
        link = gr.Textbox(visible=False)

        shown_in = {
            "told": told, "start": start, "studio": studio, "another": another, "picture": picture,
            "compare": compare, "command": command, "photo": photo, "given": given, "depth": depth,
            "sharp": sharp,
        }  # fmt: skip
        outputs = [shown_in[name] for name in SHOWN]
        sliders = [blur, lights, sharp_range, method]
        quietly = {"show_progress": "hidden", "api_visibility": "private"}
        # One photo at a time is opened or rendered; of many clicks in a row the last one counts.
        drawn = {**quietly, "trigger_mode": "always_last", "concurrency_id": "draw"}
        photo.upload(handlers.drop, [photo, view, *sliders], outputs, **quietly)
        gallery.select(handlers.example, [view, *sliders], outputs, **quietly)
        point.change(handlers.click, [point, view], outputs, **drawn)
        gr.on(
            [slider.change for slider in sliders],
            handlers.slide,
            [view, *sliders],
            outputs,
            **drawn,
        )
        view.input(handlers.look, [view], outputs, **drawn)
        automatic.click(handlers.automatic, [view], outputs, **drawn)
        given.upload(handlers.take_map, [given, view], outputs, **drawn)
        given.clear(handlers.drop_map, [view], outputs, **drawn)
        another.click(handlers.another, None, outputs, **quietly)
        download.click(
            handlers.download, None, [told, link], **quietly
        ).then(None, [link], None, js=_script("download.js"))  # fmt: skip
        page.unload(handlers.leave)
    return page.queue(default_concurrency_limit=1, api_open=False)


def theme() -> gr.themes.Base:
    """Returns the colours and fonts of the page; all of them are on the visitor's machine."""
    theme = gr.themes.Base(
        primary_hue="teal",
        neutral_hue="stone",
        radius_size="md",
        font=["system-ui", "Segoe UI", "Roboto", "Helvetica Neue", "sans-serif"],
        font_mono=["ui-monospace", "Menlo", "Consolas", "monospace"],
    )
    return theme.set(
        body_background_fill="#faf9f7",
        body_text_color_subdued="#6b6560",
        body_text_color_subdued_dark="#a8a29e",
        body_background_fill_dark="#161513",
        block_background_fill="white",
        block_background_fill_dark="#201e1c",
        background_fill_secondary="#efedea",
        background_fill_secondary_dark="#2a2825",
        border_color_primary="#e2dfda",
        border_color_primary_dark="#3a3733",
        block_border_color="*border_color_primary",
        color_accent="*primary_600",
        slider_color="*primary_600",
        slider_color_dark="*primary_500",
        block_label_text_color="*body_text_color_subdued",
        block_title_text_color="*body_text_color",
        block_title_text_weight="550",
        button_primary_background_fill="*primary_700",
        button_primary_background_fill_hover="*primary_800",
        button_primary_background_fill_dark="*primary_700",
        button_primary_background_fill_hover_dark="*primary_600",
        button_primary_text_color="white",
        button_secondary_background_fill="white",
        button_secondary_background_fill_hover="#f3f1ee",
        button_secondary_background_fill_dark="#2a2825",
        button_secondary_background_fill_hover_dark="#35322e",
        button_secondary_border_color="*border_color_primary",
        button_border_width="1px",
    )


def style() -> str:
    """Returns the page's style sheet."""
    return _script("page.css")


def head() -> str:
    """Returns what stands in the page's head."""
    return f'<meta name="color-scheme" content="light dark"><script>{_script("page.js")}</script>'


def _script(name: str) -> str:
    return (_LOOKS / name).read_text(encoding="utf-8")
