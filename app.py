"""Second Look: `streamlit run app.py`. Holds the menu and nothing else; see pages/ui/frame.py for why."""

from pages.ui.menu import menu

menu().run()
