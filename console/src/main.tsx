import { createRoot } from "react-dom/client";
import { App } from "./app";
import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/ui.css";
import "./styles/shell.css";
import { startTheme } from "./ui/theme";

startTheme();
createRoot(document.getElementById("root") ?? document.body).render(<App />);
