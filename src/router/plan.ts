/** The ordered targets that a call may reach. A pure function of the model. */
export const plan = <Target>(model: { readonly targets: readonly Target[] }): readonly Target[] => model.targets;
