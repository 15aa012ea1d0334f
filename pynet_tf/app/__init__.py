"""The local page: drop a photo, click what should be sharp, slide the blur.

In: photos and clicks from browsers. Out: a page, and the picture files that `render` would write.
Imports `render` and what lies under it. Gradio is imported only once the page is to be shown.
"""
