/** Breakout groups in the side panel: planning, running, or simply where one is. */

import { Group } from "lucide";
import { EmptyState } from "../../design";
import { en } from "../../strings/en";
import { useView } from "../context";
import { areGroupsOpen, isHost } from "../selectors";
import { MyGroup } from "./MyGroup";
import { PlanForm } from "./PlanForm";
import { Planned } from "./Planned";
import { Running } from "./Running";
import "./breakouts.css";

export function BreakoutsPanel() {
  const { view, role } = useView();
  const open = areGroupsOpen(view);
  if (!isHost(role)) return open ? <MyGroup /> : <EmptyState icon={Group} title={en.breakouts.none} text={en.breakouts.noneText} />;
  if (open) return <Running />;
  if (view.breakouts.phase === "planned") return <Planned />;
  if (role === "instructor") return <PlanForm />;
  return <EmptyState icon={Group} title={en.breakouts.none} />;
}
