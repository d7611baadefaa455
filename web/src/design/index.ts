/** The design system: import from here. Tokens and base styles come along. */
import "./tokens.css";
import "./base.css";

export { Announcer, announce, type Urgency } from "./announce";
export { Avatar, hue, initials } from "./Avatar";
export { Badge, CountBadge, type Tone } from "./Badge";
export { Banner } from "./Banner";
export { BarChart, type Bar } from "./BarChart";
export { Button, IconButton, Tool, type ButtonKind } from "./Button";
export { Confirm, Dialog } from "./Dialog";
export { EmptyState, Skeleton } from "./EmptyState";
export { Icon, type IconNode } from "./Icon";
export { Menu, type MenuAction, type MenuItem, type MenuTrigger } from "./Menu";
export { Meter } from "./Meter";
export { Select, type Option } from "./Select";
export { Sheet } from "./Sheet";
export { Slider } from "./Slider";
export { Tabs, type Tab } from "./Tabs";
export { TextField, type FieldElement } from "./TextField";
export { Tile } from "./Tile";
export { Toasts, toast, type ToastTone } from "./Toast";
export { Toggle } from "./Toggle";
